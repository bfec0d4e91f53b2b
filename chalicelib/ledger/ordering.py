"""An order as it becomes known: paid, or cancelled. Either may be told first."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.ledger.history import OrderHistory, holds_for, refuse_crowd, refuse_other_wallet, tenders_of
from chalicelib.ledger.lots import Source
from chalicelib.ledger.model import Wallet
from chalicelib.ledger.orders import Order
from chalicelib.ledger.plans import Act, Plan
from chalicelib.ledger.policy import Policy
from chalicelib.ledger.refusals import OrderMismatch
from chalicelib.ledger.returning import give_credit_back
from chalicelib.ledger.settling import expire, open_book
from chalicelib.ledger.unearning import take_back_unearned

CANCELLED = "order_cancelled"


def remember(wallet: Wallet, known: Order | None, told: Order, act: Act) -> Plan:
    """Remember a paid order. The same order a second time, under whatever key, changes nothing (`Plan.repeats`).

    :raises OrderMismatch, CurrencyMismatch: an order with that id is known, and is another one
    """
    told = replace(told, seen_at=wallet.version)
    if known is None:
        return Plan(wallet, (), act.at, order=told)
    refuse_other_wallet(known, wallet)
    if known.total is None:
        paid = replace(
            told,
            cancelled=known.cancelled,
            released=known.released,
            given_by_cancellation=known.given_by_cancellation,
            takings=known.takings,
            version=known.version,
        )
        return Plan(wallet, (), act.at, order=paid)
    if known.total != told.total:
        raise OrderMismatch(
            "The order is known with another total.", order_id=told.id, total=told.total, known_total=known.total
        )
    return Plan(wallet, (), act.at, order=known, repeats=True)


def cancel(wallet: Wallet, seen: OrderHistory, order_id: str, act: Act, policy: Policy) -> Plan:
    """Give back all credit of an order, set aside or spent, and take back what it earned.

    What was given back before stays given back: this gives the rest. An order that is not known yet is remembered as
    cancelled.

    :raises OrderMismatch, CurrencyMismatch: the order is another customer's or in another currency
    :raises LotLimitExceeded, OrderLimitExceeded: see `refund`
    """
    book = open_book(wallet, act, policy)
    order = seen.order or Order(order_id, wallet.customer, wallet.currency)
    refuse_other_wallet(order, wallet)
    if order.cancelled:
        return Plan(wallet, (), book.at, order=order, repeats=True)
    refuse_crowd(seen)
    holds = holds_for(book.wallet, order_id)
    amount = tenders_of(seen, order, book.wallet).credit_left
    source = Source("order", order_id)
    given = give_credit_back(book, seen.redemptions, holds, amount, CANCELLED, source, policy)
    order = replace(order, cancelled=True, released=order.released + given.released, given_by_cancellation=amount)
    order = take_back_unearned(book, seen, order, CANCELLED, source, policy)
    expire(book)
    return Plan(
        book.wallet,
        book.entries,
        book.at,
        amended=given.amended,
        closed_holds=given.closed_holds,
        order=order,
    )
