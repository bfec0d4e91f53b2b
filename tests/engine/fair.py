"""A fair: campaigns, the release queue and its workers, a clock in the test's hand. Each has customers and campaigns of
its own."""

from __future__ import annotations

import json
import random
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from chalicelib.campaigns import store as shelf
from chalicelib.campaigns import transitions
from chalicelib.campaigns.model import Campaign, Fixed, Group, State
from chalicelib.campaigns.release import results
from chalicelib.campaigns.release.operations import CAMPAIGN
from chalicelib.campaigns.schedule import local_of
from chalicelib.customers.profile import Person, Profile
from chalicelib.customers.store import Profiles
from chalicelib.edge.functions import releasing
from chalicelib.ledger.model import Entry
from chalicelib.store.commit import Engine
from chalicelib.store.documents import Documents
from chalicelib.store.envelope import WalletId
from chalicelib.store.signals import Signal
from chalicelib.store.writes import commit
from tests.engine.night import Line, Time
from tests.engine.till import Till
from tests.engine.wire import Request, Wire

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

FUNCTION_SECONDS = 120.0
MINUTE = 60_000
CURRENCY = "EUR"
PATIENCE = 3_000
"""Messages and minutes after which a release that has not ended never will."""


class Killed(BaseException):
    """The process is gone: no handler sees this."""


class Diary(list[tuple[str, int, str]]):
    """One-off schedules: of what, when (milliseconds), and the message."""

    def put(self, of: str, at: int, body: str) -> bool:
        self.append((of, at, body))
        return True


class Fair:
    """Everything that releases campaigns, and a till for the customers."""

    def __init__(self, engine: Engine, wire: Wire, time: Time, plain: DynamoDBClient) -> None:
        self.engine = engine
        self.wire = wire
        self.time = time
        self.line = Line()
        self.schedules = Diary()
        self.till = Till(engine)
        self.docs = Documents(engine.store, engine.store.tables.campaigns_name)
        self._plain = plain
        self._name = uuid.uuid4().hex[:8]
        self._campaigns: list[str] = []

    def close(self) -> None:
        """No campaign of it is due any more."""
        for campaign in self._campaigns:
            key: Any = {"pk": {"S": shelf.CAMPAIGNS}, "sk": {"S": campaign}}
            self._plain.delete_item(TableName=self.engine.store.tables.campaigns_name, Key=key)

    # what is there

    def named(self, count: int) -> list[str]:
        """Customers that nothing is known of."""
        return [f"named-{self._name}-{number:04}" for number in range(count)]

    @property
    def where(self) -> dict[str, Any]:
        """Everybody who has a profile here."""
        return {"field": "profile.tags", "op": "contains", "value": self._name}

    def people(self, count: int) -> list[str]:
        """Customers with profiles, who have no credit yet."""
        profiles = Profiles(self.engine.store)
        person = Person(tags=(self._name,))
        customers = [f"person-{self._name}-{number:06}" for number in range(count)]
        for start in range(0, count, 25):
            puts: Any = [
                {"PutRequest": {"Item": profiles.write(Profile(customer, person)).action["Item"]}}
                for customer in customers[start : start + 25]
            ]
            self._plain.batch_write_item(RequestItems={self.engine.store.tables.customers_name: puts})
        return customers

    def campaign(self, *groups: Group, minutes_ahead: int = 10, **more: Any) -> str:
        """A campaign that is scheduled, and due with the next look; everybody with a profile, 500 each."""
        now, campaign_id = self.time.at, f"cmp_{self._name}{len(self._campaigns)}"
        self._campaigns.append(campaign_id)
        draft = Campaign(
            id=campaign_id,
            name="Spring",
            currency=CURRENCY,
            groups=groups or (Group(Fixed(500), where=self.where),),
            **more,
        )
        release_at = now + minutes_ahead * MINUTE
        scheduled = transitions.schedule(
            draft, release_at, local_of(release_at, self.engine.policy.zone), draft.groups, now
        )
        self._save(replace(scheduled, due_at=now), 0)
        return campaign_id

    def change(self, campaign: str, transition: Callable[[Campaign, int], Campaign]) -> Campaign:
        """What a marketer does to a campaign."""
        for _ in range(20):
            found = self.stored(campaign)
            after = transition(found, self.time.at)
            if self._save(after, found.version):
                return after
        raise AssertionError("somebody else always was first")

    def stored(self, campaign: str) -> Campaign:
        found = shelf.load(self.docs, campaign)
        assert found is not None
        return found

    def _save(self, campaign: Campaign, expected: int) -> bool:
        return commit(self.engine.store, [shelf.saved(self.docs, campaign, expected)]) is Signal.COMMITTED

    # what is done

    def minute(self, minutes: int = 1, seconds: float = FUNCTION_SECONDS) -> dict[str, Any]:
        """The minute job, so many minutes later."""
        self.time.at += minutes * MINUTE
        return releasing.release_now(self.engine, self.line, _context(seconds))

    def deliver(self, body: str, seconds: float = FUNCTION_SECONDS) -> bool:
        """Hand one message to the function; whether it was finished."""
        event = {"Records": [{"messageId": "0", "body": body}]}
        told = releasing.release_batch(self.engine, self.line, event, _context(seconds), self.schedules)
        return not told["batchItemFailures"]

    def work(self, until: Callable[[], bool] = lambda: False) -> None:
        """Take messages until there is none; one that fails comes again."""
        for _ in range(PATIENCE):
            if not self.line.bodies or until():
                return
            body = self.line.bodies.pop(0)
            if not self.deliver(body):
                self.line.bodies.append(body)
        raise AssertionError("the queue does not get empty")

    def release(self, campaign: str) -> Campaign:
        """From the first look to the last message."""
        self.minute(0)
        self.work()
        return self.stored(campaign)

    def up_to_grants(self, campaign: str) -> list[str]:
        """From the first look to the plan; the messages of the pieces."""
        self.minute(0)
        self.work(lambda: all(told["job"] == "grant" for told in self.line.told))
        assert self.stored(campaign).summary is not None
        bodies, self.line.bodies = self.line.bodies, []
        return bodies

    def release_among_killers(self, campaign: str, dice: random.Random, kills: int) -> int:
        """Release it while its workers die: a request of each is its last, done or not. Messages of the dead come
        again, or are lost; some come twice. How many died."""
        died = 0
        for _ in range(PATIENCE + 4 * kills):
            if self.stored(campaign).state is State.RELEASED:
                return died
            dies_at = dice.randrange(1, 12) if died < kills else 10**9
            body = None
            try:
                self.mortal(dies_at, dice)
                if self.line.bodies and dice.random() < 0.97:
                    body = self.line.bodies.pop(dice.randrange(len(self.line.bodies)))
                    if not self.deliver(body) or dice.random() < 0.05:
                        self.line.bodies.append(body)
                else:
                    self.minute(3 if not self.line.bodies else 1)
            except Killed:
                died += 1
                if body is not None and dice.random() < 0.75:
                    self.line.bodies.append(body)
            finally:
                self.wire.mend()
        raise AssertionError("the release does not end")

    def mortal(self, requests: int, dice: random.Random) -> None:
        """The worker dies with that request of its, before it is sent or after it is done."""
        left = [requests]
        after = dice.random() < 0.5

        def die(request: Request) -> None:
            left[0] -= 1
            if left[0] == 0:
                if after:
                    request.send()
                raise Killed

        self.wire.on(("TransactWriteItems", "BatchGetItem", "GetItem", "Query"), die, times=None)

    # what became of it

    def credited(self, campaign: str) -> Counter[str]:
        """How often each customer was credited by a campaign: from the ledger, all of it."""
        return Counter(customer for customer, _ in self._entries("issued", campaign))

    def amounts(self, campaign: str) -> int:
        return sum(amount for _, amount in self._entries("issued", campaign))

    def _entries(self, type_: str, campaign: str) -> list[tuple[str, int]]:
        found: list[tuple[str, int]] = []
        pages = self._plain.get_paginator("scan").paginate(TableName=self.engine.store.tables.ledger_name)
        for item in (each for page in pages for each in page["Items"]):
            source = (item.get("source_type", {}).get("S"), item.get("source_id", {}).get("S"))
            if item["type"]["S"] == type_ and source == (CAMPAIGN, campaign):
                found.append((item["wallet"]["S"].rpartition("/")[0], int(item["amount"]["N"])))
        return found

    def entries(self, customer: str) -> list[Entry]:
        """Those of a wallet that ties."""
        wallet = WalletId(customer, CURRENCY)
        self.till.check(wallet)
        return self.till.entries(wallet)

    def types(self, customer: str) -> list[str]:
        return [str(entry.type) for entry in self.entries(customer)]

    def progress(self, campaign: str, run: int | None = None) -> results.Progress:
        return results.progress(self.engine.store, self.stored(campaign), run)

    def recipients(
        self, campaign: str, limit: int = 100, status: str | None = None, run: int | None = None
    ) -> dict[str, results.Recipient]:
        """All of them, page by page."""
        found: dict[str, results.Recipient] = {}
        after: str | None = None
        while True:
            page, after = results.recipients(self.engine.store, self.stored(campaign), after, limit, status, asked=run)
            assert len(page) <= limit
            assert not found.keys() & {each.customer for each in page}, "nobody stands there twice"
            found |= {each.customer: each for each in page}
            if after is None:
                return found


def of_list(customers: Sequence[str], amount: int = 500) -> Group:
    return Group(Fixed(amount), customers=tuple(customers))


def told(body: str) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(body)
    return parsed


def _context(seconds: float) -> Any:
    return SimpleNamespace(aws_request_id="fair", get_remaining_time_in_millis=lambda: int(seconds * 1000))
