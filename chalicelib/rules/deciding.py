"""What an order earns by a rule, decided from what was read: nothing here waits, writes or looks at a clock.

    in question    an active rule of the order's currency and site; the order was paid at starts_at <= t < ends_at, and
                   is worth more than total_over
    base           merchandise (or the total, where the rule says so), at most the total, less the credit that paid
    credit paid    what the ledger knows to be redeemed or held for the order; what the shop tells, where that is more
    earned         `earning.still_earned` of that, on the order net of its refunds: so a refund that came first counts
    spendable      delay_days after the order was paid, at the same time of the merchant's day; at once, if that is past

What is granted carries the rule's id, version and base (`Earning`), by which refunds take it back; and it does not pay
for the order that earned it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo

from chalicelib.ledger.conditions import Conditions, local_time
from chalicelib.ledger.earning import Earning, still_earned
from chalicelib.ledger.granting import ORDER, Grant, issue
from chalicelib.ledger.history import OrderHistory, tenders_of
from chalicelib.ledger.limits import MAX_AMOUNT
from chalicelib.ledger.lots import Kind, Source
from chalicelib.ledger.model import Wallet
from chalicelib.ledger.orders import Order
from chalicelib.ledger.plans import Act, Plan, Tally
from chalicelib.ledger.policy import Policy
from chalicelib.ledger.refusals import Refused
from chalicelib.rules.model import MAX_RULES_OF_ORDER, Base, Rule, State

REASON = "rule"
"""Of the entries that rules make."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class NotEarned(Refused):
    """The order earns nothing by the rule, as it is now. `why` says what keeps it from it."""

    code = "not_earned"


def in_question(rule: Rule, order: Order, now: int, told_at: int | None = None) -> bool:
    """Whether the order may earn something by the rule: how much, and what was granted before, is left open."""
    terms = rule.terms
    # Where nobody says when, it is now; and now is after the rule was made, though another clock may have made it.
    paid_at = paid_instant(order, max(now, rule.created_at), told_at)
    return (
        rule.state is State.ACTIVE
        and order.total is not None
        and not order.cancelled
        and order.currency == terms.currency
        and rule.starts_at <= paid_at
        and (terms.ends_at is None or paid_at < terms.ends_at)
        and (not terms.sites or order.site in terms.sites)
        and order.total - order.refunded > (terms.total_over or 0)
    )


def grant(
    rule: Rule,
    wallet: Wallet,
    seen: OrderHistory,
    tally: Tally,
    act: Act,
    policy: Policy,
    told_at: int | None = None,
) -> Plan:
    """Grant what the order earns by the rule; once is the caller's affair.

    The plan writes the order too, whether or not a refund did meanwhile is thereby told apart; and the tally, where the
    rule has a cap.

    :raises NotEarned: nothing, as things are
    :raises ExpiresInPast, ExpiryNotPermitted, LotLimitExceeded, BalanceLimitExceeded: see `granting.issue`
    """
    order, terms = seen.order, rule.terms
    if order is None or order.total is None or not in_question(rule, order, act.at, told_at):
        raise NotEarned("The order is not one that the rule is about.", why="not_in_question")
    if order.earned >= MAX_RULES_OF_ORDER:
        raise NotEarned("The order has earned by as many rules as one may.", why="rules_of_order")
    if terms.cap_per_customer is not None and tally.times >= terms.cap_per_customer:
        raise NotEarned("The customer has all that the rule gives one.", why="cap_per_customer")
    earned = earning(rule, order, seen, wallet, policy)
    amount = still_earned(earned, MAX_AMOUNT, order.total, order.refunded)
    if amount <= 0:
        raise NotEarned("What the rule counts from comes to nothing.", why="worth")
    spendable_at = delayed(paid_instant(order, act.at, told_at), terms.delay_days, policy.zone)
    given = Grant(
        amount,
        Kind.PROMOTION,
        REASON,
        source=Source(ORDER, order.id),
        effective_at=spendable_at if spendable_at > act.at else None,
        expires=terms.expires,
        conditions=Conditions(not_on_order=order.id),
        notify=terms.notify,
        earned=earned,
    )
    plan = issue(wallet, given, act, policy)
    counted = Tally(tally.times + 1, tally.amount + amount, plan.at) if terms.cap_per_customer is not None else None
    return replace(plan, order=replace(order, earned=order.earned + 1), tally=counted)


def earning(rule: Rule, order: Order, seen: OrderHistory, wallet: Wallet, policy: Policy) -> Earning:
    """What is kept with a grant of the rule for this order."""
    terms = rule.terms
    return Earning(
        order.id,
        policy.clawback,
        rule=rule.id,
        rule_version=rule.version,
        base=base_of(terms.base, order, seen, wallet),
        fixed=terms.fixed,
        basis_points=terms.basis_points,
        max_amount=terms.max_amount,
        total_over=terms.total_over,
    )


def base_of(base: Base, order: Order, seen: OrderHistory, wallet: Wallet) -> int:
    """What a percentage is taken of, minor units.

    Where the shop tells no lines, all of the order counts as merchandise.
    """
    total = order.total or 0
    goods = total if base in (Base.TOTAL, Base.TOTAL_LESS_CREDIT) else _merchandise(order, total)
    if base in (Base.TOTAL, Base.MERCHANDISE):
        return goods
    paid_with_credit = max(tenders_of(seen, order, wallet).credit_paid, order.credit_used or 0)
    return max(0, goods - paid_with_credit)


def paid_instant(order: Order, now: int, told_at: int | None = None) -> int:
    """When the order was paid, as the shop tells: else the time of the event that told it, else when it was placed,
    else the present."""
    said = (order.paid_at, told_at, order.placed_at)
    return next((instant for instant in said if instant is not None), now)


def delayed(at: int, days: int, zone: tzinfo) -> int:
    """The same time of the merchant's day so many days on; where daylight saving skips it, an hour later."""
    if not days:
        return at
    local = local_time(at, zone)
    moved = datetime.combine(local.date() + timedelta(days=days), local.time(), zone)
    return (moved.astimezone(UTC) - _EPOCH) // timedelta(milliseconds=1)


def _merchandise(order: Order, total: int) -> int:
    return total if order.merchandise is None else min(order.merchandise, total)
