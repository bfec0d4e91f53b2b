"""What holds of refunds whatever the order, its lots and the cuts: searched for counter-examples."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.ledger.earning import Earning
from chalicelib.ledger.lots import Kind, LotClass
from chalicelib.ledger.policy import At, Clawback, Never, RefundSplit
from chalicelib.ledger.refusals import InsufficientCredit, OverRefund
from tests.passbook import POLICY, Passbook

DAY = 24 * 3_600_000
KINDS = st.sampled_from([Kind.PROMOTION, Kind.CASHBACK, Kind.COMPENSATION, Kind.MIGRATION])
LOTS = st.lists(st.tuples(st.integers(1, 400), KINDS, st.one_of(st.none(), st.integers(1, 60))), min_size=1, max_size=6)
RULES = st.builds(
    Earning,
    st.just("order-1"),
    st.just(Clawback.DEBT),
    fixed=st.one_of(st.none(), st.integers(1, 300)),
    basis_points=st.integers(1, 10_000),
    base=st.one_of(st.none(), st.integers(1, 2_000)),
    max_amount=st.one_of(st.none(), st.integers(1, 200)),
    total_over=st.one_of(st.none(), st.integers(0, 2_000)),
)


@dataclass(frozen=True)
class Sale:
    """An order paid partly with credit in some redemptions and a hold, and what it earned and what of that is spent."""

    lots: list[tuple[int, Kind, int | None]]
    shares: list[int]
    """Parts of the credit, in per cent: redeemed one after another; the last is held."""
    cash: int
    earned: int
    rule: Earning
    spent: int
    days: int
    """Until the refund."""

    def told(self) -> Passbook:
        book = Passbook(policy=replace(POLICY, merged_kinds=frozenset()))
        for amount, kind, days in self.lots:
            book.grant(amount, kind, Never() if days is None else At(book.now + days * DAY))
        parts = [book.available * share // 100 for share in self.shares]
        for part in parts[:-1]:
            if 0 < part <= book.available:
                book.redeem(part)
        if parts and 0 < parts[-1] <= book.available:
            book.hold(parts[-1], minutes=7 * 24 * 60)
        credit = book.wallet.held + sum(each.amount for each in book.redemptions.values())
        book.pays(total=credit + self.cash, credit_used=credit)
        if self.earned:
            book.grant(self.earned, Kind.CASHBACK, Never(), earned=self.rule)
        if self.spent and book.available:
            book.redeem(min(self.spent, book.available), "order-2")
        return book.later(days=self.days)


SALES = st.builds(
    Sale,
    LOTS,
    st.lists(st.integers(1, 60), min_size=1, max_size=4),
    st.integers(0, 1_500),
    st.integers(0, 300),
    RULES,
    st.integers(0, 400),
    st.integers(0, 6),
)
CUTS = st.lists(st.tuples(st.integers(1, 1_500), st.sampled_from(RefundSplit)), max_size=8)


def worth(book: Passbook) -> tuple[int, int, int, int]:
    """Available, pending, held, and what is owed."""
    balance = book.balance
    return balance.available, balance.pending, balance.held, balance.debt


def net(book: Passbook) -> int:
    balance = book.balance
    return balance.available + balance.pending + balance.held - balance.debt


@given(SALES, CUTS)
def test_refunds_in_any_cut_come_to_one_refund_of_everything(sale: Sale, cuts: list[tuple[int, RefundSplit]]) -> None:
    whole, parts = sale.told(), sale.told()
    total = whole.orders["order-1"].total or 0
    if not total:
        return
    whole.refund(total)
    left = total
    for amount, how in cuts:
        if amount <= left:
            parts.refund(amount, split=how)
            left -= amount
    if left:
        parts.refund(left)
    assert net(parts) == net(whole)
    order, other = whole.orders["order-1"], parts.orders["order-1"]
    assert (order.refunded, order.other_refunded) == (other.refunded, other.other_refunded) == (total, sale.cash)
    for book in (whole, parts):
        assert all(each.status == "reversed" for each in book.redemptions.values() if each.order_id == "order-1")
        assert not any(hold.order_id == "order-1" for hold in book.wallet.holds)


@given(SALES, CUTS)
def test_without_promotional_credit_every_lot_is_as_one_refund_leaves_it(
    sale: Sale, cuts: list[tuple[int, RefundSplit]]
) -> None:
    sale = replace(sale, earned=0)
    whole, parts = sale.told(), sale.told()
    total = left = whole.orders["order-1"].total or 0
    if not total:
        return
    whole.refund(total)
    for amount, how in cuts:
        if amount <= left:
            parts.refund(amount, split=how)
            left -= amount
    if left:
        parts.refund(left)

    def by_ancestor(book: Passbook) -> dict[str, int]:
        found: dict[str, int] = {}
        terms = {lot.id: lot for entry in book.entries for lot in entry.lots}
        for lot in book.wallet.lots:
            root = lot
            while root.parent:
                root = terms[root.parent]
            found[root.id] = found.get(root.id, 0) + lot.remaining
        return found

    assert by_ancestor(parts) == by_ancestor(whole)


@given(SALES, CUTS, st.data())
def test_a_refund_and_its_reversal_leave_value_and_debt_as_before(
    sale: Sale, cuts: list[tuple[int, RefundSplit]], data: st.DataObject
) -> None:
    book = sale.told()
    left = book.orders["order-1"].total or 0
    for amount, how in cuts[:3]:
        if amount <= left:
            book.refund(amount, split=how)
            left -= amount
    if not left:
        return
    before = worth(book)
    held = sum(hold.outstanding for hold in book.wallet.holds if hold.order_id == "order-1")
    done = book.refund(data.draw(st.integers(1, left)), to_credit=data.draw(st.booleans()), bonus_basis_points=1_000)
    try:
        book.reverse_refund(done)
    except InsufficientCredit:  # promotional credit that came back was taken for what the order no longer earned
        return
    after = worth(book)
    released = held - sum(hold.outstanding for hold in book.wallet.holds if hold.order_id == "order-1")
    assert (after[0] - after[3], after[2]) == (before[0] - before[3], before[2] - released)
    assert book.orders["order-1"].refund(done.id).undone  # type: ignore[union-attr]


@given(SALES, CUTS)
def test_no_tender_is_refunded_more_than_it_paid(sale: Sale, cuts: list[tuple[int, RefundSplit]]) -> None:
    book = sale.told()
    total = book.orders["order-1"].total or 0
    for amount, how in cuts:
        try:
            book.refund(amount, split=how)
        except OverRefund:
            assert amount > total - book.orders["order-1"].refunded
    order = book.orders["order-1"]
    assert order.refunded <= total and order.other_refunded <= sale.cash
    assert sum(each.credit for each in order.refunds) <= total - sale.cash


@given(SALES, CUTS, st.booleans())
def test_what_a_fully_refunded_order_earned_is_worth_nothing_afterwards(
    sale: Sale, cuts: list[tuple[int, RefundSplit]], cancelled: bool
) -> None:
    """It is taken, from wherever, or owed; so the promotional credit is what it would be without the order."""
    book = sale.told()
    total = left = book.orders["order-1"].total or 0
    if not total:
        return
    for amount, how in cuts:
        if amount <= left:
            book.refund(amount, split=how)
            left -= amount
    if cancelled:
        book.cancel()
    elif left:
        book.refund(left)
    order = book.orders["order-1"]
    grants = [entry for entry in book.entries if entry.earned is not None]
    assert all(order.taken(entry.sequence) == entry.amount for entry in grants)
    taken = sum(-entry.amount for entry in book.entries if entry.type == "clawed_back")
    assert taken + book.wallet.debt == sum(entry.amount for entry in grants)
    for entry in book.entries:
        if entry.type == "clawed_back":
            assert all(lot.lot_class is LotClass.PROMOTIONAL for lot in entry.lots)
