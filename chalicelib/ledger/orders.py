"""An order as far as refunds and rules need it: what was paid, what was refunded to which tender, what was taken back.

Two tenders pay an order: credit, which is what the ledger says was redeemed for it or is held for it, and other, which
is the rest of its total.

    credit paid   redeemed for the order, held for it, or held and then released by its refunds; what was redeemed again
                  after a reversed refund counts once; what was reversed by hand counts as far as the shop says that it
                  was used: a checkout that gave up and came again did not pay twice
    other paid    total - max(credit paid, credit_used as the shop told it)
    left          of credit: what the redemptions have not given back, and what is held; of other: paid - refunded
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from chalicelib.ledger.model import Hold, Redemption
from chalicelib.ledger.policy import RefundSplit
from chalicelib.ledger.refusals import OverRefund


@dataclass(frozen=True)
class Refunded:
    """One refund of an order: `credit` went back to lots, `other` to other tender or into the lot `refund_lot`."""

    id: str
    method: str
    amount: int
    credit: int
    other: int
    lots: tuple[str, ...] = ()
    """Lots that the credit went back to."""
    refund_lot: str | None = None
    bonus: int = 0
    bonus_lot: str | None = None
    by_cancellation: int = 0
    """Of `credit`: what a cancellation had given back before this refund named it."""
    undone: bool = False
    consent: str | None = None


@dataclass(frozen=True)
class Taking:
    """Promotional credit of one grant that was taken back: by which entry, how much, and how much of it is a debt."""

    grant: int
    """Sequence of the entry that granted it."""
    entry: int
    """Sequence of the entry that took it back."""
    amount: int
    debt: int = 0


@dataclass(frozen=True)
class Order:
    """An order, remembered by its id. `total` is None while only its cancellation is known."""

    id: str
    customer: str
    currency: str
    total: int | None = None
    credit_used: int | None = None
    merchandise: int | None = None
    """Of its lines, after discounts."""
    site: str | None = None
    placed_at: int | None = None
    paid_at: int | None = None
    cancelled: bool = False
    released: int = 0
    """Credit that was set aside for it and that refunds gave back before it was captured."""
    retaken: int = 0
    """Credit redeemed for it a second time, when a refund was reversed."""
    given_by_cancellation: int = 0
    """Credit that its cancellation gave back and that no refund has named yet: one may follow for the same money."""
    seen_at: int = 0
    """Version of the wallet when its payment was told."""
    earned: int = 0
    """How many grants rules made for it. It is counted here so that a grant writes the order: a grant and a refund that
    know nothing of each other cannot both be committed."""
    refunds: tuple[Refunded, ...] = ()
    takings: tuple[Taking, ...] = ()
    version: int = 0
    """How often it was written; 0 for one that is not remembered yet."""

    @property
    def refunded(self) -> int:
        """Minor units of its total that it is no longer worth."""
        if self.cancelled:
            return self.total or 0
        return sum(refund.amount for refund in self.refunds if not refund.undone)

    @property
    def other_refunded(self) -> int:
        return sum(refund.other for refund in self.refunds if not refund.undone)

    def refund(self, refund: str) -> Refunded | None:
        return next((each for each in self.refunds if each.id == refund), None)

    def taken(self, grant: int) -> int:
        """What was taken back of the grant that this entry made."""
        return sum(taking.amount for taking in self.takings if taking.grant == grant)

    def with_refund(self, refund: Refunded) -> Order:
        """With this refund added, or in the place of the one with its id."""
        others = tuple(each for each in self.refunds if each.id != refund.id)
        return replace(self, refunds=(*others, refund))


@dataclass(frozen=True)
class Tenders:
    """What was paid on an order by each tender, and what of it can still be refunded. Minor units."""

    credit_paid: int
    other_paid: int
    credit_left: int
    other_left: int
    most: int | None = None
    """The order's total less its refunds: no more is left of both together, whatever was redeemed for it afterwards."""

    @property
    def left(self) -> int:
        both = self.credit_left + self.other_left
        return both if self.most is None else min(both, self.most)


def tenders(order: Order, redemptions: Iterable[Redemption], holds: Iterable[Hold], given_up: int = 0) -> Tenders:
    """What paid this order. The holds are those that are open for it.

    `given_up` is what was redeemed for it and given back before it was paid; it matters where the shop does not tell
    how much credit was used. What a cancellation gave back counts as left until refunds have named it.
    """
    told = list(redemptions)
    held = sum(hold.outstanding for hold in holds)
    redeemed = sum(each.amount for each in told) - order.retaken + held + order.released
    if order.credit_used is None:
        credit_paid = redeemed - given_up
    else:
        credit_paid = max(redeemed - _reversed_by_hand(order, told), min(redeemed, order.credit_used))
    other_paid = max(0, (order.total or 0) - max(credit_paid, order.credit_used or 0))
    credit_left = sum(each.amount - each.reversed for each in told) + held + order.given_by_cancellation
    other_left = max(0, other_paid - order.other_refunded)
    refunded = sum(refund.amount for refund in order.refunds if not refund.undone)
    return Tenders(
        credit_paid=credit_paid,
        other_paid=other_paid,
        credit_left=credit_left,
        other_left=other_left,
        most=max(0, max(order.total or 0, credit_paid) - refunded),
    )


def _reversed_by_hand(order: Order, redemptions: Iterable[Redemption]) -> int:
    """What redemptions gave back without a refund of the order; of a cancelled order nobody asks."""
    if order.cancelled:
        return 0
    by_refunds = sum(refund.credit for refund in order.refunds) - order.released
    return sum(each.reversed for each in redemptions) - by_refunds


@dataclass(frozen=True)
class Share:
    """How one refund is split over the tenders."""

    credit: int
    other: int


def split(amount: int, of: Tenders, how: RefundSplit | int) -> Share:
    """Share a refund out; a number is the credit's part as somebody said it. Parts always sum to the whole.

    Proportional is by largest remainder, a tie going to credit; each tender is capped at what it has left, so refunds
    in parts end exactly where one refund of everything does.

    :raises OverRefund: more than is left, of the order or of the tender that was said
    """
    if amount > of.left:
        raise _over(amount, of)
    match how:
        case RefundSplit.CREDIT_FIRST:
            credit = min(amount, of.credit_left)
        case RefundSplit.OTHER_FIRST:
            credit = amount - min(amount, of.other_left)
        case RefundSplit.PROPORTIONAL:
            paid = of.credit_paid + of.other_paid
            credit = (2 * amount * of.credit_paid + paid) // (2 * paid)
            credit = max(min(credit, of.credit_left), amount - of.other_left)
        case _:
            credit = how
            if credit > min(amount, of.credit_left) or amount - credit > of.other_left:
                raise _over(amount, of, credit)
    return Share(credit, amount - credit)


def _over(amount: int, of: Tenders, credit: int | None = None) -> OverRefund:
    return OverRefund(
        "More would be refunded than was paid on the order and has not been refunded yet.",
        requested=amount,
        requested_credit=credit,
        refundable=of.left,
        refundable_credit=of.credit_left,
        refundable_other=of.other_left,
    )
