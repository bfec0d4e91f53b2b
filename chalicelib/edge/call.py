"""What a call is: its line in the table of routes, what a handler sees of one request, and what it gives back."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from pydantic import BaseModel

from chalicelib.edge.access import Identity
from chalicelib.ledger.plans import Plan
from chalicelib.runtime.clock import Deadline
from chalicelib.store.commit import API_DEADLINE_SECONDS, Engine
from chalicelib.store.envelope import Answer, Envelope, Trace, WalletId, operation_id

if TYPE_CHECKING:
    from chalicelib.store.writes import Asked

B = TypeVar("B", bound=BaseModel)


class Query(NamedTuple):
    """The query string, parsed. `limit` is how many items one page has at the most."""

    dry_run: bool = False
    limit: int = 50
    cursor: str | None = None
    filters: tuple[tuple[str, str], ...] = ()

    def filter(self, name: str) -> str | None:
        """What the query string says of one of the route's filters."""
        return dict(self.filters).get(name)


class Reply(NamedTuple):
    """A body, made; `replayed` when an earlier request with the same key got it first. A `version` becomes an ETag."""

    body: str
    replayed: bool = False
    version: int | None = None


class Later(NamedTuple):
    """The model of a body, or a handler, that is seldom needed: where it is. It is imported when it is needed."""

    module: str
    name: str

    def found(self) -> Any:
        return getattr(import_module(self.module), self.name)


class Route(NamedTuple):
    """One call of the API. Registration, access, parsing and the API's description all come from it.

    `answer` names the model in `answers` that describes the body; it is not imported to serve requests. `scopes` are
    alternatives; with `own` a shopper (scope `self`) may call it too, for its own customer id. A route without scopes
    is open to everybody. What is `versioned` is answered with an ETag, and only replaced by who names it in If-Match;
    with `if_match_optional` also by who names nothing. `filters` are parameters of the query string besides, each with
    the shape that its value must have; they are all there, or need not be.
    """

    name: str
    method: str
    path: str
    summary: str
    handler: Callable[[Call], Reply] | Later
    answer: str
    scopes: frozenset[str] = frozenset()
    own: bool = False
    body: type[BaseModel] | Later | None = None
    status: int = 200
    mutates: bool = False
    paged: bool = False
    versioned: bool = False
    if_match_optional: bool = False
    filters: tuple[tuple[str, str], ...] = ()
    needs_filters: bool = False
    refusals: tuple[str, ...] = ()

    @property
    def model(self) -> type[BaseModel] | None:
        """The model of its body."""
        if isinstance(self.body, Later):
            found: type[BaseModel] = self.body.found()
            return found
        return self.body

    @property
    def handling(self) -> Callable[[Call], Reply]:
        """Its handler, imported."""
        found: Callable[[Call], Reply] = self.handler.found() if isinstance(self.handler, Later) else self.handler
        return found

    def handle(self, call: Call) -> Reply:
        return self.handling(call)

    @property
    def open(self) -> bool:
        return not self.scopes

    @property
    def needs_version(self) -> bool:
        return self.versioned and self.mutates

    @property
    def needs_key(self) -> bool:
        """A POST that changes something; what PUT and DELETE do is the same when done twice."""
        return self.mutates and self.method == "POST"


class Call:
    """One request, checked and parsed as far as it has come. What a route does not use is empty."""

    def __init__(self, route: Route, engine: Callable[[], Engine]) -> None:
        self.route = route
        self.engine = engine
        self.identity: Identity | None = None
        self.parameters: dict[str, str] = {}
        self.query = Query()
        self.body: BaseModel | None = None
        self.key: str | None = None
        self.expected_version: int = 0
        self.if_match = False
        self.deadline = Deadline.after(API_DEADLINE_SECONDS)
        self.wallet: WalletId | None = None
        self.trace = Trace()
        self.operation: str | None = None

    def body_as(self, model: type[B]) -> B:
        """The body, which the route says is such a model."""
        assert isinstance(self.body, model), "the route names the model of its body"
        return self.body

    def wallet_id(self) -> WalletId:
        """The wallet that the path names, or the body where the path does not."""
        assert self.wallet is not None, "the route names a customer and a currency"
        return self.wallet

    @property
    def shopper(self) -> bool:
        """Whether a customer asks; what is for the staff's eyes is not shown then."""
        return self.identity is not None and self.identity.shopper

    def envelope(self, present: Callable[[Plan], str]) -> Envelope:
        """What surrounds the command that this call is."""
        assert self.identity is not None, "nothing is changed without a token"
        envelope = Envelope(
            caller=self.identity.sub,
            actor=self.identity.sub,
            key=self.key,
            fingerprint=self._fingerprint(),
            deadline=self.deadline,
            present=present,
            dry_run=self.query.dry_run,
            trace=self.trace,
        )
        if self.key is not None:
            self.operation = envelope.operation
        return envelope

    def asked(self) -> tuple[str, str] | None:
        """The operation that the call's key names and a digest of the request, for what is remembered without a
        movement; None in a dry run, of which nothing is."""
        if self.query.dry_run:
            return None
        assert self.identity is not None, "nothing is changed without a token"
        assert self.key is not None, "a call that changes something has a key"
        self.operation = operation_id(self.identity.sub, self.key)
        return self.operation, self._fingerprint()

    def asked_document(self) -> Asked | None:
        """The same, for `store.once`; None in a dry run, and for a PUT or DELETE, which need no key."""
        if self.query.dry_run or not self.route.needs_key:
            return None
        from chalicelib.store.writes import Asked

        told = self.asked()
        return None if told is None else Asked(*told)

    def _fingerprint(self) -> str:
        """A digest of what the request asks for: method, path and body, whatever its spelling and white space.

        What is left out and what is said as it would be anyway are the same, so a field that a later version adds does
        not make a retry of today a different request.
        """
        body = self.body.model_dump_json(exclude_defaults=True) if self.body is not None else ""
        path = self.route.path.format_map(self.parameters)
        return hashlib.sha256(f"{self.route.method}\0{path}\0{body}".encode()).hexdigest()


def reply(answer: Answer) -> Reply:
    """What a command answered, on its way out."""
    return Reply(answer.body, answer.replayed)
