"""An order was paid: every rule in force is held against it, and what it earned is granted.

    once for each (rule, order)     the operation's key: caller is the rule, key the order, kept for ever
    never past the cap              the tally is written in the same transaction, on the condition that it is as read
    never past a refund             the order is written in the same transaction, on the condition that it is as read

A refund writes the order too. So of a grant and a refund at the same moment one is committed first, and the other is
decided anew: the grant from what is left of the order, or the refund with the grant among the order's entries, which
are read strongly consistent. What is not earned is not remembered: the same order told again is judged again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from chalicelib.ledger.orders import Order
from chalicelib.ledger.plans import Act, Plan
from chalicelib.ledger.policy import Policy
from chalicelib.ledger.refusals import Refused
from chalicelib.rules.deciding import grant, in_question
from chalicelib.rules.model import Rule
from chalicelib.rules.source import StoredRules, rules_of
from chalicelib.runtime.clock import Deadline
from chalicelib.store.commit import Engine
from chalicelib.store.envelope import Envelope, WalletId
from chalicelib.store.reading import Seen, Subject

GRANTED = "granted"
DONE_BEFORE = "done_before"


@dataclass(frozen=True)
class Applied:
    """What a rule did about an order: `granted`, `done_before`, or the code of why it granted nothing."""

    rule: str
    outcome: str
    amount: int = 0


def apply_rules(
    engine: Engine,
    order_id: str,
    deadline: Deadline,
    source: StoredRules | None = None,
    *,
    told_at: int | None = None,
) -> tuple[Applied, ...]:
    """Grant what a remembered order earns, exactly once for each rule however often and by however many this is done.

    A rule that cannot grant (the wallet has no room, the expiry is past) keeps no other from it. `told_at` is the time
    of the event that told the order (milliseconds), if it said one.

    :raises Busy, OutcomeUnknown, Unread: not all of it is done; to be done again
    """
    if not engine.store.tables.campaigns_name:
        return ()
    rules = (source or rules_of(engine.store)).current()
    order = engine.store.order(order_id) if rules else None
    if order is None:
        return ()
    now = engine.store.now()
    wanted = (rule for rule in rules if in_question(rule, order, now, told_at))
    return tuple(_apply(engine, rule, order, deadline, told_at) for rule in wanted)


def _apply(engine: Engine, rule: Rule, order: Order, deadline: Deadline, told_at: int | None) -> Applied:
    def decide(seen: Seen, act: Act, policy: Policy) -> Plan:
        return grant(rule, seen.wallet, seen.order, seen.tally, act, policy, told_at)

    envelope = Envelope(
        caller=f"\0rule\0{rule.id}",
        actor=f"rule:{rule.id}",
        key=order.id,
        fingerprint=order.id,
        deadline=deadline,
        present=lambda plan: _record(rule, plan),
        kept_for_ever=True,
    )
    counted = f"rule/{rule.id}" if rule.terms.cap_per_customer is not None else None
    subject = Subject(order=order.id, order_history=True, tally=counted)
    try:
        answer = engine.execute(WalletId(order.customer, order.currency), envelope, decide, subject)
    except Refused as refusal:
        return Applied(rule.id, refusal.code)
    if answer.replayed:
        return Applied(rule.id, DONE_BEFORE)
    return Applied(rule.id, GRANTED, json.loads(answer.body)["amount"])


def _record(rule: Rule, plan: Plan) -> str:
    """What is kept of a grant: by which version of the rule, how much, and which lot it made."""
    told = {"rule": rule.id, "version": rule.version, "lot": plan.lots[0].id, "amount": plan.lots[0].granted}
    return json.dumps(told, separators=(",", ":"))
