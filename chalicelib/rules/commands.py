"""What can be done to rules. Each is done on the version that was read, and once for its key where it has one.

All of them answer with `Answer`, whose body `present` makes; they raise a `Refused` (nothing changed), `KeyReused`,
`Busy` (nothing changed), `Unread` (nothing changed) or `OutcomeUnknown`; see `store.once`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from chalicelib.ledger.lots import Kind, LotClass
from chalicelib.ledger.policy import Policy, expires_at
from chalicelib.ledger.refusals import CurrencyUnknown, Refused, VersionConflict
from chalicelib.rules import store as rules
from chalicelib.rules.deciding import delayed
from chalicelib.rules.model import MAX_RULES, Rule, State, Terms
from chalicelib.runtime.clock import Deadline
from chalicelib.store.commit import Engine
from chalicelib.store.envelope import Answer
from chalicelib.store.once import Decide, Deed, once
from chalicelib.store.writes import Asked, Write


class RuleNotPermitted(Refused):
    """The rule is well formed, and could never grant anything."""

    code = "validation_failed"


class RuleLimitExceeded(Refused):
    code = "rule_limit_exceeded"


@dataclass(frozen=True)
class Ask:
    """Around one change: who wants it, the request's key (None for what needs none), how long it may take."""

    actor: str
    asked: Asked | None
    deadline: Deadline
    present: Callable[[Rule], str]
    dry_run: bool = False


def create(engine: Engine, terms: Terms, ask: Ask) -> Answer:
    """Make a rule, which is in force at once.

    :raises CurrencyUnknown, RuleNotPermitted, ExpiresInPast, ExpiryNotPermitted: see `_check`
    :raises RuleLimitExceeded: there are as many as a merchant may have
    """
    docs, policy = rules.documents(engine.store), engine.policy

    def decide() -> Deed:
        now = engine.store.now()
        rule_id = f"rul_{ask.asked.operation if ask.asked else 'dry'}"
        rule = Rule(rule_id, terms, State.ACTIVE, created_at=now, updated_at=now, updated_by=ask.actor)
        _check(rule, now, policy)
        there = rules.every(docs)
        if len(there) >= MAX_RULES and all(each.id != rule_id for each in there):
            raise RuleLimitExceeded("There are as many rules as a merchant may have.", limit=MAX_RULES)
        return Deed([rules.saved(docs, rule)], ask.present(replace(rule, version=1)))

    return _once(engine, ask, decide)


def put(engine: Engine, rule_id: str, terms: Terms, expected_version: int, ask: Ask) -> Answer:
    """Replace what a rule says, as its next version.

    :raises NotFound: there is no such rule
    :raises VersionConflict: it has another version than the expected one
    :raises RuleNotPermitted: also where the currency changes: caps are counted in one
    :raises CurrencyUnknown, ExpiresInPast, ExpiryNotPermitted: see `_check`
    """
    policy = engine.policy

    def change(rule: Rule, now: int) -> Rule:
        if rule.version != expected_version:
            raise VersionConflict(
                "The rule has another version by now.", field="/header/If-Match", current_version=rule.version
            )
        if terms.currency != rule.terms.currency:
            raise RuleNotPermitted("A rule keeps its currency; make another one.", field="/currency")
        changed = replace(rule, terms=terms)
        _check(changed, now, policy)
        return changed

    return _change(engine, rule_id, change, ask)


def pause(engine: Engine, rule_id: str, ask: Ask) -> Answer:
    """It grants nothing until it is resumed. What is paused already stays as it is.

    :raises NotFound: there is no such rule
    """
    return _change(engine, rule_id, lambda rule, _: replace(rule, state=State.PAUSED), ask)


def resume(engine: Engine, rule_id: str, ask: Ask) -> Answer:
    """It grants again, for orders that are told from then on.

    :raises NotFound: there is no such rule
    """
    return _change(engine, rule_id, lambda rule, _: replace(rule, state=State.ACTIVE), ask)


def delete(engine: Engine, rule_id: str, ask: Ask) -> Answer:
    """It grants nothing more. What it granted stays, and is still taken back when its order is refunded.

    :raises NotFound: there is no such rule
    """
    docs = rules.documents(engine.store)

    def decide() -> Deed:
        rule = rules.load(docs, rule_id)
        return Deed([rules.dropped(docs, rule)], ask.present(replace(rule, state=State.DELETED)))

    return _once(engine, ask, decide)


def _change(engine: Engine, rule_id: str, change: Callable[[Rule, int], Rule], ask: Ask) -> Answer:
    docs = rules.documents(engine.store)

    def decide() -> Deed:
        rule, now = rules.load(docs, rule_id), engine.store.now()
        changed = change(rule, now)
        if changed == rule:
            return Deed((), ask.present(rule))
        changed = replace(changed, updated_at=now, updated_by=ask.actor)
        writes: list[Write] = [rules.saved(docs, changed)]
        return Deed(writes, ask.present(replace(changed, version=rule.version + 1)))

    return _once(engine, ask, decide)


def _once(engine: Engine, ask: Ask, decide: Decide) -> Answer:
    store, pause, uniform = engine.store, engine.sleep, engine.uniform
    return once(store, ask.asked, ask.deadline, decide, dry_run=ask.dry_run, sleep=pause, uniform=uniform)


def _check(rule: Rule, now: int, policy: Policy) -> None:
    """:raises CurrencyUnknown: no such currency is known
    :raises RuleNotPermitted: the window is empty, or over
    :raises ExpiresInPast, ExpiryNotPermitted: what it grants would be refused
    """
    terms = rule.terms
    if terms.currency not in policy.currencies:
        raise CurrencyUnknown("The currency is not known.", field="/currency", currency=terms.currency)
    if terms.ends_at is not None and terms.ends_at <= max(rule.starts_at, now):
        raise RuleNotPermitted("The rule would be over before an order could earn by it.", field="/to")
    spendable_at = delayed(max(rule.starts_at, now), terms.delay_days, policy.zone)
    expires_at(terms.expires, Kind.PROMOTION, LotClass.PROMOTIONAL, spendable_at, now, policy)
