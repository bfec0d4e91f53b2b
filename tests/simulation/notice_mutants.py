"""Telling people and observing the ledger broken on purpose, one rule at a time; see `mutants`.

These are looked for in the histories in which somebody observes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import replace
from typing import Any
from unittest import mock

from chalicelib.edge.functions import observing
from chalicelib.edge.functions.publishing import BatchBlocked
from chalicelib.messaging.delivery import Delivery, Outcome
from chalicelib.notices import guarding, nominating, sending, working
from chalicelib.notices import store as shelf
from chalicelib.notices.model import Channel, Notice
from chalicelib.notices.post import Post
from chalicelib.performance import standing as standings_rules
from chalicelib.performance import store
from chalicelib.performance.model import Followed, Standing
from chalicelib.runtime.clock import Deadline
from chalicelib.store.signals import Busy
from chalicelib.store.writes import Write

Mutant = Callable[[], AbstractContextManager[None]]


@contextmanager
def _with(*changes: tuple[Any, str, Any]) -> Iterator[None]:
    with ExitStack() as stack:
        for place, name, defect in changes:
            stack.enter_context(mock.patch.object(place, name, defect))
        yield


def _without_condition(write: Write) -> Write:
    return Write(write.kind, {name: write.action[name] for name in ("TableName", "Item")})


# Notices


def notice_is_overwritten() -> AbstractContextManager[None]:
    """Who sends does not look whether somebody else has it in hand since."""
    sound = shelf.record_saved
    return _with((shelf, "record_saved", lambda *what: _without_condition(sound(*what))))


def interrupted_is_sent_again() -> AbstractContextManager[None]:
    """What a worker left in the middle is sent by the next, whatever the channel."""
    return _with((sending, "REPEATABLE", frozenset(Channel)))


def no_answer_counts_as_not_taken() -> AbstractContextManager[None]:
    """A letter of which nobody knows whether it went out is sent again."""
    sound = sending._settle

    def settle(post: Post, record: Any, delivery: Delivery, *, last_try: bool) -> Any:
        if delivery.outcome is Outcome.UNKNOWN:
            delivery = replace(delivery, outcome=Outcome.NOT_TAKEN)
        return sound(post, record, delivery, last_try=last_try)

    return _with((sending, "_settle", settle))


def consent_is_not_asked_for() -> AbstractContextManager[None]:
    """Who has an address is told."""
    sound = sending.why_closed

    def why_closed(post: Any, profile: Any, channel: Channel) -> str | None:
        why = sound(post, profile, channel)
        return None if why == "no_consent" and profile is not None and profile.person.email else why

    return _with((sending, "why_closed", why_closed))


def what_the_queue_left_is_forgotten() -> AbstractContextManager[None]:
    """Notices that the queue did not take count as nominated."""
    sound = nominating.nominate

    def nominate(*what: Any) -> None:
        with suppress(Busy):
            sound(*what)

    return _with((nominating, "nominate", nominate))


def channels_wait_for_each_other() -> AbstractContextManager[None]:
    """One message tells over all channels, one after another; the next when the one before is done."""

    def fan_out(post: Post, notice: Notice) -> None:
        for body in _orders(post, notice):
            if working.work(post, body, Deadline.after(60), last_try=False) is not None:
                raise Busy

    return _with((working, "fan_out", fan_out))


def _orders(post: Post, notice: Notice) -> Sequence[str]:
    """The messages that a notice becomes."""
    kept: list[str] = []

    class Queue:
        def send(self, bodies: Sequence[str]) -> list[int]:
            kept.extend(bodies)
            return []

    _fan_out(replace(post, queue=Queue()), notice)
    return kept


_fan_out = working.fan_out


def due_leaves_before_it_is_done() -> AbstractContextManager[None]:
    """A reminder counts as done when somebody begins with it."""
    act, done = working._act, working._done

    def done_and_act(post: Post, document: Any, deadline: Any) -> None:
        done(post, document)
        act(post, document, deadline)

    return _with((working, "_act", done_and_act), (working, "_done", lambda *what: None))


def guard_believes_what_was_tried() -> AbstractContextManager[None]:
    """The guard looks whether a reminder was made, and not whether anybody took it."""
    return _with((guarding, "announced", lambda *what: True))


# The observer


def told_again_counts_again() -> AbstractContextManager[None]:
    """Entries that were counted before are counted once more when they are told again."""
    sound = standings_rules.observed

    def observed(standing: Standing, currency: str, entries: Sequence[Any], purchases: Any) -> Any:
        followed, first = standing.followed(currency), entries[0].sequence
        if first <= followed.sequence:
            again = Followed(first - 1, followed.lots)
            standing = replace(standing, wallets={**standing.wallets, currency: again})
        return sound(standing, currency, entries, purchases)

    return _with((standings_rules, "observed", observed))


def failed_batch_counts_as_finished() -> AbstractContextManager[None]:
    """What could not be followed is not told again."""
    sound = observing.observe_batch

    def observe_batch(batch: dict[str, Any]) -> dict[str, Any]:
        with suppress(BatchBlocked):
            sound(batch)
        return {"batchItemFailures": []}

    return _with((observing, "observe_batch", observe_batch))


def what_is_owed_waits_for_ever() -> AbstractContextManager[None]:
    """What does not fit into a transaction is not added by the next."""
    sound = store._without_debts

    def without_debts(standings: Any) -> Any:
        kept, counters = sound(standings)
        few = dict(list(counters.items())[:1])
        return kept, few

    return _with((store, "_without_debts", without_debts))


NOTICE_MUTANTS: tuple[Mutant, ...] = (
    notice_is_overwritten,
    interrupted_is_sent_again,
    no_answer_counts_as_not_taken,
    consent_is_not_asked_for,
    what_the_queue_left_is_forgotten,
    channels_wait_for_each_other,
    due_leaves_before_it_is_done,
    guard_believes_what_was_tried,
    told_again_counts_again,
    failed_batch_counts_as_finished,
    what_is_owed_waits_for_ever,
)
