"""A till: the API as API Gateway calls it, over an engine that keeps its wallets in a dictionary.

The engine decides with the real ledger and remembers answers by key as the real one does; it only has no DynamoDB. What
the store, its transactions and its races do is the engine tier's affair.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC
from functools import cached_property
from typing import Any, NamedTuple
from urllib.parse import urlencode

from chalicelib.edge.call import Route
from chalicelib.edge.openapi import codes_of
from chalicelib.edge.routes import ROUTES
from chalicelib.ledger.booking import SPENDS
from chalicelib.ledger.history import OrderHistory
from chalicelib.ledger.model import Entry, HoldStatus, Redemption, Wallet
from chalicelib.ledger.orders import Order
from chalicelib.ledger.plans import Act, Plan
from chalicelib.ledger.policy import Policy
from chalicelib.ledger.refusals import CurrencyUnknown
from chalicelib.settings.document import policy_of
from chalicelib.store.commit import Decide
from chalicelib.store.connections import Connections
from chalicelib.store.envelope import Answer, Envelope, WalletId
from chalicelib.store.inbox import Applied, Fate, Message, Reason
from chalicelib.store.items import Item, Place
from chalicelib.store.packing import deflate
from chalicelib.store.reading import NOTHING_ELSE, Seen, Store, Subject
from chalicelib.store.settings import StoredSettings
from chalicelib.store.signals import KeyReused, Signal
from chalicelib.store.tables import EventRow, OperationRow, RejectionRow, Tables
from tests.simulation.tables_fake import StoredItem
from tests.unit.edge.cupboard import Cupboard

NOW = 1_790_000_000_000  # 2026-09-21T14:13:20Z
TOKEN_ENDS_SECONDS = 4_000_000_000
ALL_SCOPES = (
    "wallets:read wallets:write checkout reports:read audit settings:write"
    " campaigns:read campaigns:write customers:read customers:write"
)
WALLET = "/v1/customers/alice/wallets/EUR"


class Hand(NamedTuple):
    """The clock's, which stands where the drawer says."""

    drawer: Drawer

    def now(self) -> int:
        return self.drawer.present


class Drawer:
    """Where the till's wallets lie: what the engine asks of its store."""

    def __init__(self) -> None:
        self.present = NOW
        self.clock = Hand(self)
        self.done: dict[str, tuple[str, str]] = {}
        """By operation: what was asked, and what was answered."""
        self.orders: dict[str, Order] = {}
        self.events: dict[str, EventRow] = {}
        self.rejections: dict[str, RejectionRow] = {}
        self.wallets: dict[str, Wallet] = {}
        self.entries: dict[str, list[Entry]] = {}
        self.redemptions: dict[str, Redemption] = {}
        self.holds: dict[str, HoldStatus] = {}
        self.settings: StoredSettings | None = None
        self.has_test_clock = True

    @cached_property
    def cupboard(self) -> Cupboard:
        """Where documents lie, once there are some."""
        return Cupboard()

    @property
    def tables(self) -> Tables:
        return self.cupboard.bound

    @property
    def connections(self) -> Connections:
        return self.cupboard.connections

    @property
    def _shelves(self) -> Store:
        return Store(self.tables, self.connections, self.clock, test_clock=False)

    def now(self) -> int:
        return self.present

    def operation(self, operation: str) -> OperationRow | None:
        """What the key of a request about documents did."""
        return self._shelves.operation(operation)

    def items(self, keys: list[tuple[str, str]]) -> dict[tuple[str, str], dict[str, Any]]:
        return self._shelves.items(keys)

    def items_at(self, places: Sequence[Place], attributes: Sequence[str] = ()) -> Iterator[tuple[Place, Item]]:
        return self._shelves.items_at(places, attributes)

    def order_place(self, order_id: str) -> Place:
        """Where a transaction finds the order's version, which it may have for a condition."""
        place = self._shelves.order_place(order_id)
        order = self.orders.get(order_id)
        if order is not None:
            item: Item = {"pk": {"S": place.pk}, "sk": {"S": place.sk}, "version": {"N": str(order.version)}}
            self.cupboard.tables[place.table].partitions.setdefault(place.pk, {})[place.sk] = StoredItem(item, 0)
        return place

    def order_in(self, _found: Mapping[Place, Item], place: Place) -> Order | None:
        return next((order for name, order in self.orders.items() if self.order_place(name) == place), None)

    def read(self, wallet_id: WalletId, about: Subject = NOTHING_ELSE) -> Seen:
        name = str(wallet_id)
        issued = {each.id for entry in self.entries.get(name, []) for each in entry.lots}
        return Seen(
            self.wallets.get(name) or Wallet(wallet_id.customer, wallet_id.currency),
            self.present,
            redemption=self.redemptions.get(f"{name} {about.redemption}"),
            order=self._history(name, about.order) if about.order else OrderHistory(),
            hold_status=self.holds.get(f"{name} {about.hold}"),
            lot_was_issued=about.lot in issued,
        )

    def order(self, order_id: str) -> Order | None:
        return self.orders.get(order_id)

    def keys_by_refund(self, _refund: str, _limit: int) -> list[tuple[str, str]]:
        """The index lags for ever here: no refund is found by its id."""
        return []

    def _history(self, name: str, order_id: str) -> OrderHistory:
        about = tuple(entry for entry in self.entries.get(name, []) if entry.order_id == order_id)
        spent = tuple(self.redemptions[f"{name} {each.redemption}"] for each in about if each.type in SPENDS)
        return OrderHistory(self.orders.get(order_id), spent, about)

    def keep(self, wallet_id: WalletId, plan: Plan) -> None:
        name = str(wallet_id)
        if plan.order is not None:
            self.orders[plan.order.id] = replace(plan.order, version=plan.order.version + 1)
        self.wallets[name] = plan.wallet
        self.entries.setdefault(name, []).extend(plan.entries)
        for made in (plan.redemption, *plan.amended):
            if made is not None:
                self.redemptions[f"{name} {made.id}"] = made
        if plan.opens_hold and plan.hold is not None:
            self.holds[f"{name} {plan.hold.id}"] = HoldStatus.OPEN
        for closed, status in plan.closed_holds:
            self.holds[f"{name} {closed}"] = status

    def wallets_of(self, customer: str) -> tuple[list[Wallet], int]:
        return [wallet for wallet in self.wallets.values() if wallet.customer == customer], self.present

    def entries_before(self, wallet_id: WalletId, before: int | None, limit: int) -> tuple[list[Entry], int | None]:
        older = [e for e in reversed(self.entries.get(str(wallet_id), [])) if before is None or e.sequence < before]
        page = older[:limit]
        return page, page[-1].sequence if len(older) > limit else None

    def entries_through(self, wallet_id: WalletId, last: int) -> Iterator[Entry]:
        return (entry for entry in self.entries.get(str(wallet_id), []) if entry.sequence <= last)


class DictionaryInbox:
    """What the till knows of events."""

    def __init__(self, drawer: Drawer) -> None:
        self._drawer = drawer

    def applied(self, operations: Iterable[str], beside: Iterable[Place] = ()) -> Applied:
        found = {operation: self.fate(operation).operation for operation in operations}
        assert not list(beside), "the till knows no profiles"
        return Applied({operation: row for operation, row in found.items() if row is not None}, {})

    def fate(self, operation: str) -> Fate:
        done = self._drawer.done.get(operation)
        row = OperationRow(request=done[0], answer=deflate(done[1])) if done else None
        return Fate(row, self._drawer.events.get(operation))

    def park(self, operation: str, reason: Reason, at: int) -> None:
        self._note(operation, "parked", reason, at)

    def reject(self, operation: str, message: Message, reason: Reason, at: int) -> str:
        row = self._note(operation, "rejected", reason, at)
        row.rejection = row.rejection or f"{at:013}-{operation}"
        earlier = self._drawer.rejections.get(row.rejection)
        self._drawer.rejections[row.rejection] = RejectionRow(
            "#rejected",
            row.rejection,
            queue=message.queue,
            status="open",
            code=reason.code,
            detail=reason.detail,
            at=earlier.at if earlier else at,
            tries=row.tries,
            source=message.source,
            event=message.event,
            type=message.type,
            body=deflate(message.body),
        )
        return row.rejection

    def rejection(self, rejection: str) -> RejectionRow | None:
        return self._drawer.rejections.get(rejection)

    def settle(self, row: RejectionRow, _at: int) -> None:
        row.status = "settled"

    def remembered(self, operation: str, request: str) -> str | None:
        done = self._drawer.done.get(operation)
        if done is not None and done[0] != request:
            raise KeyReused
        return done[1] if done else None

    def remember(self, operation: str, request: str, answer: str, _at: int) -> None:
        self._drawer.done.setdefault(operation, (request, answer))

    def rejections(self, before: str | None, limit: int) -> tuple[list[RejectionRow], str | None]:
        kept = self._drawer.rejections
        older = [kept[name] for name in sorted(kept, reverse=True) if before is None or name < before]
        page = older[:limit]
        return page, page[-1].sk if len(older) > limit else None

    def _note(self, operation: str, status: str, reason: Reason, at: int) -> EventRow:
        before = self._drawer.events.get(operation)
        row = EventRow(status=status, code=reason.code, detail=reason.detail, at=at)
        row.tries = before.tries + 1 if before else 1
        row.rejection = before.rejection if before else None
        self._drawer.events[operation] = row
        return row


class DictionaryShelf:
    """Where the till's settings lie."""

    def __init__(self, drawer: Drawer) -> None:
        self._drawer = drawer

    def read(self) -> StoredSettings | None:
        return self._drawer.settings

    def read_now(self) -> tuple[StoredSettings | None, int]:
        return self._drawer.settings, self._drawer.present

    def put(self, settings: StoredSettings) -> Signal:
        before = self._drawer.settings
        if settings.version != (before.version if before else 0) + 1:
            return Signal.MOVED
        self._drawer.settings = settings
        return Signal.COMMITTED


class DictionaryEngine:
    """The engine, without DynamoDB. `fails` is raised by the next command instead of doing it."""

    def __init__(self) -> None:
        self.store = Drawer()
        self.has_test_clock = True
        self.fails: Exception | None = None
        self.commands = 0
        self.sleep: Callable[[float], None] = lambda _: None
        self.uniform: Callable[[], float] = lambda: 0.5

    @property
    def policy(self) -> Policy:
        kept = self.store.settings
        return policy_of(kept.document, kept.version, UTC) if kept else Policy("1", UTC)

    def execute(self, wallet_id: WalletId, envelope: Envelope, decide: Decide, about: Subject = NOTHING_ELSE) -> Answer:
        self.commands += 1
        envelope.trace.attempts += 1
        if self.fails is not None:
            raise self.fails
        if wallet_id.currency not in self.policy.currencies:
            raise CurrencyUnknown("The currency is not known.", currency=wallet_id.currency)
        done = None if envelope.dry_run else self.store.done.get(envelope.operation)
        if done is not None:
            fingerprint, body = done
            if fingerprint != envelope.fingerprint:
                raise KeyReused
            envelope.trace.replayed = True
            return Answer(body, replayed=True)
        seen = self.store.read(wallet_id, about)
        plan = decide(seen, Act(envelope.operation, envelope.actor, seen.now), self.policy)
        body = envelope.present(plan)
        if not envelope.dry_run:
            self.store.keep(wallet_id, plan)
            self.store.done[envelope.operation] = (envelope.fingerprint, body)
        return Answer(body)

    def set_clock(self, now: int | None) -> None:
        self.store.present = NOW if now is None else now


def path_of(route: Route, customer: str = "alice") -> str:
    """The path of a call about things that may be there or not."""
    names = {"customer": customer, "currency": "EUR", "lot": "lot_1", "source": "shop", "event": "some_event"}
    return route.path.format_map(defaultdict(lambda: "some_id", names))


@dataclass(frozen=True, slots=True)
class Answered:
    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def code(self) -> str:
        """The code of a problem, which is also checked to be one."""
        body = self.json
        assert self.headers["Content-Type"] == "application/problem+json"
        assert (body["status"], body["type"]) == (self.status, f"urn:store-credit:problem:{body['code']}")
        assert body["request_id"] == self.headers["X-Request-Id"]
        assert body["title"]
        assert body["detail"]
        return str(body["code"])

    def is_described(self, method: str, resource: str) -> bool:
        """Whether the API's description has it; a defect of ours stands in none."""
        (route,) = [each for each in ROUTES if (each.method, each.path) == (method, resource)]
        return self.status in (route.status, 500) or self.code in codes_of(route)

    @property
    def pointers(self) -> list[str]:
        return [each["pointer"] for each in self.json.get("errors", [])]


@dataclass
class Till:
    """Sends requests to the application. `claims` is what the authorizer passed on, by default the owner's."""

    app: Callable[[dict[str, Any], Any], dict[str, Any]]
    routes: dict[str, dict[str, Any]]
    engine: DictionaryEngine
    claims: dict[str, str] | None = field(
        default_factory=lambda: {"sub": "owner", "scope": ALL_SCOPES, "customer": "", "exp": str(TOKEN_ENDS_SECONDS)}
    )
    _keys: Iterator[int] = field(default_factory=lambda: iter(range(10**9)))

    def but(self, **claims: str) -> Till:
        """The same till, asked with another token."""
        return replace(self, claims=(self.claims or {}) | claims)

    def shopper(self, customer: str = "alice") -> Till:
        return self.but(sub=customer, scope="self", customer=customer)

    def get(self, path: str, **query: str | list[str]) -> Answered:
        return self.send("GET", path, query=query)

    def post(self, path: str, body: Any = None, *, key: str | None = "", **more: Any) -> Answered:
        """With a fresh key unless one is given, or None for no key."""
        headers = dict(more.pop("headers", {}))
        if key is not None:
            headers.setdefault("Idempotency-Key", key or f"key-{next(self._keys)}")
        return self.send("POST", path, body, headers=headers, **more)

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        raw: str | None = None,
        headers: dict[str, str] | None = None,
        query: dict[str, str | list[str]] | None = None,
        encoded: bool = False,
    ) -> Answered:
        """`raw` is a body as it is, `body` one to be made JSON."""
        resource, parameters = self._match(path)
        text = raw if raw is not None else None if body is None else json.dumps(body)
        sent = {"Content-Type": "application/json"} if text is not None else {}
        sent |= headers or {}
        multi = {name: value if isinstance(value, list) else [value] for name, value in (query or {}).items()}
        answer = self.app(
            {
                "resource": resource,
                "path": path,
                "httpMethod": method,
                "headers": sent,
                "multiValueHeaders": {},
                "queryStringParameters": None,
                "multiValueQueryStringParameters": multi or None,
                "pathParameters": parameters or None,
                "stageVariables": None,
                "requestContext": {
                    "resourcePath": resource,
                    "httpMethod": method,
                    "requestId": "request-1",
                    "path": f"/local{path}?{urlencode(multi, doseq=True)}",
                    "authorizer": self.claims,
                },
                "body": text,
                "isBase64Encoded": encoded,
            },
            None,
        )
        answered = Answered(answer["statusCode"], answer["headers"], answer["body"])
        assert answered.is_described(method, resource), f"{method} {resource} says nothing of {answered.code}"
        return answered

    def _match(self, path: str) -> tuple[str, dict[str, str]]:
        parts = path.split("/")
        for resource in self.routes:
            pattern = resource.split("/")
            pairs = list(zip(pattern, parts, strict=False))
            if len(pattern) == len(parts) and all(a == b or a.startswith("{") for a, b in pairs):
                return resource, {a[1:-1]: b for a, b in pairs if a.startswith("{")}
        raise AssertionError(f"no route for {path}")

    # Shorthands for stories

    def grant(self, amount: int, **more: Any) -> Answered:
        return self.post(f"{WALLET}/credits", {"amount": amount, "kind": "promotion", "reason": "test"} | more)

    def redeem(self, amount: int, order: str = "order-1", **more: Any) -> Answered:
        return self.post(f"{WALLET}/redemptions", {"amount": amount, "order": {"id": order}} | more)

    def hold(self, amount: int, order: str = "order-1", **more: Any) -> Answered:
        return self.post(f"{WALLET}/holds", {"amount": amount, "order": {"id": order}} | more)
