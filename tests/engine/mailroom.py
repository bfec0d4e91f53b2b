"""The mail room: the ledger's entries become notices, and notices become letters that a test can count.

The table and the engine are real; the channels only write down what they are handed, or fail as a test says. Messages
are dealt with in the order in which they were sent, or by several workers at once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from chalicelib.customers.profile import Consents, Person, Profile
from chalicelib.ledger.lots import Source
from chalicelib.ledger.model import Entry
from chalicelib.messaging.bus import Event
from chalicelib.messaging.delivery import Delivery, Outcome
from chalicelib.notices import queries, reminding
from chalicelib.notices.nominating import nominate
from chalicelib.notices.post import Post, Terms
from chalicelib.notices.store import Record, documents
from chalicelib.notices.working import work
from chalicelib.runtime.clock import Deadline
from chalicelib.store.commit import Engine
from chalicelib.store.envelope import WalletId
from tests.engine.night import Time
from tests.engine.till import Till

TAKEN = Delivery(Outcome.TAKEN, reference="ref")
DOWN = Delivery(Outcome.NOT_TAKEN, "channel_down")
NO_ANSWER = Delivery(Outcome.UNKNOWN, "no_answer")
EVERYTHING = Consents(email=True, sms=True, push=True)
ONLY_EMAIL = Consents(email=True)


@dataclass
class Letters:
    """A channel: what it was handed, and what it says to it, once each and then TAKEN."""

    taken: list[tuple[Any, ...]] = field(default_factory=list)
    says: list[Delivery] = field(default_factory=list)
    before: Callable[[], None] = lambda: None
    """What happens while the letter is on its way."""

    def send(self, *letter: Any) -> Delivery:
        self.taken.append(letter)
        self.before()
        return self.says.pop(0) if self.says else TAKEN

    def put(self, events: Sequence[Event]) -> list[int]:
        return [] if self.send(*events).outcome is Outcome.TAKEN else [0]


class Queue:
    """The notices queue, by hand."""

    def __init__(self) -> None:
        self.bodies: list[str] = []

    def send(self, bodies: Sequence[str]) -> list[int]:
        self.bodies += bodies
        return []

    def all_of(self, channel: str) -> list[str]:
        return [body for body in self.bodies if json.loads(body).get("channel") == channel]


class Book:
    """The people, in a dictionary."""

    def __init__(self) -> None:
        self.people: dict[str, Profile] = {}

    def get(self, customer: str) -> Profile | None:
        return self.people.get(customer)


class NoCampaigns:
    def __init__(self) -> None:
        self.told: dict[str, Terms] = {}

    def terms(self, source: Source) -> Terms | None:
        return self.told.get(source.id)


class Mailroom:
    def __init__(self, engine: Engine, time: Time) -> None:
        self.engine = engine
        self.time = time
        self.till = Till(engine)
        self.queue = Queue()
        self.book = Book()
        self.campaigns = NoCampaigns()
        self.email, self.sms, self.push, self.web = Letters(), Letters(), Letters(), Letters()
        self.docs = documents(engine.store)
        self.pauses: list[int] = []

    def post(self) -> Post:
        """As one batch has it."""
        return Post(
            self.engine, self.queue, self.book, self.campaigns, self.web, email=self.email, sms=self.sms, bus=self.push
        )

    def knows(
        self, wallet: WalletId, consents: Consents = EVERYTHING, email: str | None = "anna@example.com", **more: Any
    ) -> None:
        person = Person(email=email, phone="+491700000000", consents=consents, locale=more.pop("locale", "en"))
        self.book.people[wallet.customer] = Profile(wallet.customer, person, **more)

    def told(self, wallet: WalletId, since: int = 0) -> list[Entry]:
        """The stream tells the wallet's entries after a sequence."""
        entries = [entry for entry in self.till.entries(wallet) if entry.sequence > since]
        nominate(self.engine.store, self.queue, wallet, entries, self.engine.policy.zone)
        return entries

    def due(self, wallet: WalletId) -> None:
        """The minute's look at what is due, as far as this wallet is concerned."""
        there = Queue()
        reminding.nominate_due(self.engine.store, self.docs, there)
        keys = [key for body in there.bodies for key in json.loads(body)["keys"] if key[0] == f"r#{wallet}"]
        if keys:
            self.queue.send([json.dumps({"job": "due", "keys": keys})])

    def deal(self, *, last_try: bool = False) -> None:
        """Deal with all that is in the queue, and what that sends; what is to come again does not."""
        while self.queue.bodies:
            again = self.take(self.queue.bodies.pop(0), last_try=last_try)
            if again is not None:
                self.pauses.append(again)

    def take(self, body: str, *, last_try: bool = False) -> int | None:
        return work(self.post(), body, Deadline.after(30), last_try=last_try)

    def at_once(self, body: str, workers: int = 4) -> list[int | None]:
        """Several workers take the same message at the same moment."""
        with ThreadPoolExecutor(workers) as crowd:
            return list(crowd.map(lambda _: self.take(body), range(workers)))

    def day(self, wallet: WalletId) -> None:
        """What is due, dealt with to the end."""
        self.due(wallet)
        self.deal()

    def history(self, wallet: WalletId) -> list[Record]:
        return queries.notices(self.engine.store, wallet.customer, None, 250)[0]

    def became(self, wallet: WalletId) -> dict[str, tuple[str, str | None]]:
        """By channel, what became of the newest notice, and why."""
        return {each.channel.value: (each.status.value, each.reason) for each in reversed(self.history(wallet))}
