"""Releases and rules broken on purpose, one rule at a time; see `mutants`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

from chalicelib.campaigns.release import deciding as release_deciding
from chalicelib.campaigns.release import driving, evaluating, granting, pieces, planning, run
from chalicelib.campaigns.release.noting import note_result
from chalicelib.campaigns.release.pieces import PIECE_MEMBERS, Result
from chalicelib.campaigns.release.run import Run
from chalicelib.ledger.plans import Plan
from chalicelib.rules import applying, deciding
from chalicelib.store import release
from chalicelib.store.envelope import Envelope
from chalicelib.store.tables import OPERATION
from chalicelib.store.writes import Write

Mutant = Callable[[], AbstractContextManager[None]]


@contextmanager
def _with(*changes: tuple[Any, str, Any]) -> Iterator[None]:
    with ExitStack() as stack:
        for place, name, defect in changes:
            stack.enter_context(mock.patch.object(place, name, defect))
        yield


def _without_condition(write: Write) -> Write:
    kept = ("TableName", "Item")
    return Write(write.kind, {name: write.action[name] for name in kept})


def _record_without_condition(store: Any, outcome: Any) -> list[dict[str, Any]]:
    puts = _puts(store, outcome)
    for put in puts:
        if put["Item"].get("sk") == {"S": OPERATION}:
            put["ConditionExpression"] = "attribute_exists(pk) OR attribute_not_exists(pk)"
    return puts


_puts = release._puts


def grant_is_not_remembered() -> AbstractContextManager[None]:
    """The record of a customer's operation is neither looked for nor has to be new: a message that comes again grants
    again. (Each alone is made good by the other, mostly.)"""
    return _with(
        (release, "_outcome", lambda operation, item: None),
        (release, "_puts", _record_without_condition),
    )


def operation_of_a_campaign_is_overwritten() -> AbstractContextManager[None]:
    """The record of a customer's operation need not be new: what was refused for good can be granted by who is late."""
    return _with((release, "_puts", _record_without_condition))


def allowance_is_ignored() -> AbstractContextManager[None]:
    """Every piece grants all of its members, wherever the budget ends."""
    return _with((pieces.Plan, "within_budget", lambda self, shard, number: PIECE_MEMBERS))


def piece_is_overwritten() -> AbstractContextManager[None]:
    """A message that comes again evaluates its shard again from the beginning, over what is there."""
    sound = Run.put_piece
    return _with(
        (Run, "put_piece", lambda self, piece: [_without_condition(write) for write in sound(self, piece)]),
        (Run, "last_piece", lambda self, shard: None),
    )


def plan_is_made_too_early() -> AbstractContextManager[None]:
    """The plan is made once a shard is whole, whatever the others are."""
    return _with(
        (planning, "_is_whole", lambda shards, campaign: bool(shards)),
        (evaluating, "shards_of", lambda campaign: ()),
    )


def result_is_told_before_the_grants() -> AbstractContextManager[None]:
    """A piece counts as done before its members are granted, so who comes after a worker that died does nothing."""
    sound = granting._Crediting.credit

    def credit(self: Any, due: Sequence[Any]) -> Any:
        tally, amount = self._tally, sum(member.amount for member in due)
        told = Result(True, tally.granted + len(due), tally.granted_amount + amount, dict(tally.skipped))
        note_result(self._engine, run.Run(self._engine.store, self._campaign.id, self._job.run), self._job, told, None)
        return sound(self, due)

    return _with((granting._Crediting, "credit", credit))


def result_counts_twice() -> AbstractContextManager[None]:
    """A result adds all of its figures to the sums, not what it says more than the one before."""
    sound = Run.put_result

    def put_result(self: Run, shard: str, number: int, result: Result, before: Result | None) -> list[Write]:
        bare = None if before is None else _Figureless(before)
        return sound(self, shard, number, result, bare)  # type: ignore[arg-type]

    return _with((Run, "put_result", put_result))


class _Figureless:
    def __init__(self, result: Result) -> None:
        self.version = result.version

    def figures(self) -> dict[str, int]:
        return {}


def what_is_lost_is_not_sent_again() -> AbstractContextManager[None]:
    """The minute job believes that everything moves."""
    return _with((driving, "_stalled", lambda engine, run, at: False))


def page_ends_a_shard() -> AbstractContextManager[None]:
    """A page that is not full counts as the last of its shard."""
    sound = evaluating.Audience._page

    def page(self: Any, after: str | None) -> Any:
        evaluated, behind = sound(self, after)
        return evaluated, behind if evaluated.seen == evaluating.PAGE_PROFILES else None

    return _with((evaluating.Audience, "_page", page))


def pending_is_kept() -> AbstractContextManager[None]:
    """What a cancelled campaign granted is not taken back, and told as done."""

    return _with((release_deciding, "revoke_in_order", lambda wallet, *what: Plan(wallet, (), 0)))


def cap_is_not_looked_at() -> AbstractContextManager[None]:
    """What a customer had by a rule is counted, and not asked for."""
    sound = deciding.grant

    def grant(rule: Any, *what: Any) -> Any:
        unbounded = replace(
            rule, terms=replace(rule.terms, cap_per_customer=10**6 if rule.terms.cap_per_customer else None)
        )
        return sound(unbounded, *what)

    return _with((applying, "grant", grant))


def rule_forgets_the_order() -> AbstractContextManager[None]:
    """Each time that an order is told it earns anew."""
    sound, count = Envelope, iter(range(10**9))

    def envelope(**what: Any) -> Any:
        return sound(**{**what, "key": f"{what['key']} {next(count)}"})

    return _with((applying, "Envelope", envelope))


CAMPAIGN_MUTANTS: tuple[Mutant, ...] = (
    grant_is_not_remembered,
    operation_of_a_campaign_is_overwritten,
    allowance_is_ignored,
    piece_is_overwritten,
    plan_is_made_too_early,
    result_is_told_before_the_grants,
    result_counts_twice,
    what_is_lost_is_not_sent_again,
    page_ends_a_shard,
    pending_is_kept,
    cap_is_not_looked_at,
    rule_forgets_the_order,
)
