"""Telling people, as it is deployed: the ledger's observer, the queue of notices with its function, and the minute job
of what is due.

A letter is written small: it says which notice it is, and of how much. That is all that the judge reads of it.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import UTC
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest import mock

from chalicelib.customers.profile import Consents
from chalicelib.edge.functions import notifying, observing
from chalicelib.messaging import email, sms
from chalicelib.notices import handlers, nominating, reminding, saying, templates
from chalicelib.notices.model import Notice
from chalicelib.notices.templates import Content
from chalicelib.store.commit import Engine
from chalicelib.store.signals import Unread
from tests.simulation.channels import SENDER, PostOffice
from tests.simulation.following import Reader
from tests.simulation.queues import Context, FakeQueue
from tests.simulation.weather import Killed

if TYPE_CHECKING:
    from tests.simulation.tables_fake import Put
    from tests.simulation.world import World

NOTIFY_SECONDS = REMIND_SECONDS = 60.0
BATCH = 3
"""Messages of one call. They are dealt with in turn here, so few: the time of one call is bounded."""
LOOK_AGAIN_SECONDS = (60.0, 60.0, 120.0, 300.0, 600.0)
"""The minute job looks each minute. Of those looks that could find something, these are made; from then on the last."""
MOST_LOOKS = 60
MOST_MORNINGS = 5
"""That come when all else is over: reminders, and the guard's looks."""
DAYS_AFTER_SECONDS = 3 * 86_400.0
"""After the last step, of which nothing is known to be over yet: what is due in them meets the weather."""
ALREADY_SECONDS = 200.0
"""By then every index has seen everything, and every clock agrees that something is due."""
LAST_SWEEPS_SECONDS = 1_200.0
"""What the sweeps take that come after the last morning, at the most."""

Due = dict[tuple[str, str], int]


class Telling:
    """One history's notices."""

    def __init__(self, world: World, puts: list[Put], queue: FakeQueue) -> None:
        self.world = world
        self.reader = Reader(world, puts)
        self.queue = queue
        self.post = PostOffice(world)
        self.due: Due = {}
        """What is to be done at some time (milliseconds), as the table has it."""
        self.done: Due = {}
        """What was done, and when last (milliseconds)."""
        self.said: dict[str, list[tuple[int, frozenset[Consents]]]] = defaultdict(
            lambda: [(world.now, frozenset([Consents()]))]
        )
        """By customer and from when on (milliseconds): what they may have agreed to, as far as that is known."""
        self.changing: Counter[str] = Counter()
        """Changes of somebody's mind that are under way."""
        self.ends_ms = 0
        """When the last step begins: what is due later comes when all is over."""
        self.done_until = 0
        """What was due by then (milliseconds) is done."""
        self._dice = random.Random(f"{world.seed} telling")

    # as it is deployed

    def deploy(self, stack: ExitStack, process: Callable[[], Engine], in_turn: Any) -> None:
        """Put the functions in their places until the stack ends."""
        local = SimpleNamespace(stage="local", merchant_zone=UTC)
        around = SimpleNamespace(engine=process, notices_queue=lambda: self.queue, bus=lambda: self.post.bus)
        places: list[tuple[Any, str, Any]] = [
            (notifying, "wiring", around),
            (notifying, "notices_sender", lambda: SENDER),
            (notifying, "_email", lambda sender: self.post.email),
            (notifying, "_SMS", self.post.sms),
            (notifying, "_WEBHOOKS", self.post),
            (observing, "wiring", around),
            *((place, "settings", lambda: local) for place in (observing, handlers, nominating)),
            *((place, "ThreadPoolExecutor", in_turn) for place in (observing, handlers, reminding)),
            (saying, "values_of", _values),
            (templates, "render", _rendered),
            *((place._log, "disabled", True) for place in (email, sms)),
        ]
        for place, name, value in places:
            stack.enter_context(mock.patch.object(place, name, value))
        self.queue.handler = lambda event, context: notifying.notify_batch(event, context)

    def note(self, item: dict[str, Any]) -> None:
        """Take notice of a document that is put into the table of campaigns."""
        key = item["pk"]["S"], item["sk"]["S"]
        if not key[0].startswith("r#"):
            return
        if "due_at" not in item:
            if self.due.pop(key, None) is not None:
                self.done[key] = self.world.now
            return
        self.due[key] = due_at = int(item["due_at"]["N"])
        if due_at <= self.ends_ms:
            self._look_in(max(0.0, (due_at - self.world.now) / 1_000), 0)

    def _look_in(self, seconds: float, looks: int) -> None:
        self.world.weaver.start("remind", lambda: self._look(looks), seconds + self._dice.choice((0.0, 5.0, 50.0)))

    def _look(self, looks: int) -> None:
        """The minute job, in a process that may be killed; and again while there is something for it."""
        if not self._due_now():
            return
        with suppress(Unread, Killed):
            self._remind(self._dice.choice(self.world.processes))
        if self._due_now() and looks < MOST_LOOKS:
            self._look_in(LOOK_AGAIN_SECONDS[min(looks, len(LOOK_AGAIN_SECONDS) - 1)], looks + 1)

    def _due_now(self) -> bool:
        return any(due_at <= self.world.now for due_at in self.due.values())

    def _remind(self, engine: Engine) -> None:
        handlers.remind_now(engine, self.queue, Context(self.world.weaver, "remind", REMIND_SECONDS))

    # when all is over

    def finish(self) -> None:
        """All that follows from what the ledger has by now, to the last message."""
        for _ in range(2):
            self.reader.tell_again()
            self.queue.redrive()
            self.world.weaver.run()

    def last_mornings(self) -> None:
        """Let some days pass: people are reminded, and the guard looks."""
        self.finish()
        self.world.weaver.pause(ALREADY_SECONDS)
        for _ in range(MOST_MORNINGS):
            if not self.due:
                break
            self.world.weaver.pause(max(0.0, (min(self.due.values()) - self.world.now) / 1_000) + ALREADY_SECONDS)
            began = self.world.now
            self.world.weaver.start("last remind", lambda: self._remind(self.world.processes[0]))
            self.world.weaver.run()
            self.finish()
            self.done_until = began - round(1_000 * ALREADY_SECONDS)
        later = min(self.due.values(), default=self.world.now + round(1_000 * DAYS_AFTER_SECONDS)) - self.world.now
        self.world.weaver.pause(max(0.0, min(DAYS_AFTER_SECONDS, later / 1_000 - LAST_SWEEPS_SECONDS)))


# A letter in small


def mark_of(notice: Notice) -> str:
    """What a letter says of itself."""
    return f"{notice.key} {notice.happening.value}"


def _values(facts: saying.Facts, notice: Notice, *_: Any) -> dict[str, Any]:
    assert facts.amount > 0, f"18: told of nothing: {notice}"
    return {"mark": mark_of(notice)}


def _rendered(_: Any, values: Any) -> Content:
    return Content(values["mark"], values["mark"], None, values["mark"])
