"""What credit and orders on paper are made of: lots, slices of them, and a sheet for each order."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

DAY = 24 * 3_600_000


class Refusal(Exception):
    """The paper says no; `args[0]` is the code."""


@dataclass(eq=False)
class PaperLot:
    """`ends` is what is known now; what was taken from it is written down with the end as it was then."""

    number: int
    rank: str
    """promotional, goodwill, paid"""
    starts: int
    ends: int | None
    chain: int = 0
    released: bool = False
    free: int = 0
    held: int = 0

    @property
    def open(self) -> bool:
        return self.free + self.held > 0

    def dead(self, now: int) -> bool:
        return self.ends is not None and self.ends <= now

    def usable(self, now: int) -> bool:
        return self.starts <= now and not self.dead(now) and self.free > 0


@dataclass
class Slice:
    """So much of a lot, and when the lot was to end when it was cut off."""

    lot: PaperLot
    ends: int | None
    amount: int


@dataclass
class PaperHold:
    name: str
    order: str
    until: int
    slices: list[Slice]

    @property
    def left(self) -> int:
        return sum(each.amount for each in self.slices)


@dataclass
class PaperSpending:
    """A redemption: what is not given back of it, in order of consumption."""

    slices: list[Slice]
    order: str

    @property
    def left(self) -> int:
        return sum(each.amount for each in self.slices)


@dataclass
class Rule:
    """What a grant was earned by: fixed, or a share of a base (basis points); `how` far it is taken back."""

    how: str
    fixed: int | None = None
    share: int | None = None
    base: int | None = None
    most: int | None = None
    over: int | None = None

    def worth(self, granted: int, total: int, net: int) -> int:
        if net <= 0 or (self.over is not None and net <= self.over):
            return 0
        if self.fixed is not None:
            exact = Fraction(self.fixed)
        elif self.share is not None:
            exact = Fraction(self.base if self.base is not None else total) * Fraction(net, total)
            exact *= Fraction(self.share, 10_000)
        else:
            exact = Fraction(granted) * Fraction(net, total)
        bounds = [granted, int(exact), *([] if self.most is None else [self.most])]
        return min(bounds)


@dataclass
class PaperTaking:
    slices: list[Slice]
    debt: int

    @property
    def amount(self) -> int:
        return sum(each.amount for each in self.slices) + self.debt


@dataclass
class PaperGrant:
    lot: PaperLot
    ends: int | None
    amount: int
    rule: Rule
    takings: list[PaperTaking] = field(default_factory=list)


@dataclass
class PaperRefund:
    amount: int
    method: str
    credit: int
    other: int
    went_to: list[PaperLot]
    refund_lot: PaperLot | None = None
    bonus_lot: PaperLot | None = None
    bonus_ends: int | None = None
    bonus: int = 0
    undone: bool = False


@dataclass
class Sheet:
    """What is written down of one order."""

    total: int | None = None
    told: int | None = None
    cancelled: bool = False
    hold_ended: bool = False
    redeemed: int = 0
    by_hand: int = 0
    given_up: int = 0
    """Of that, before the order was paid."""
    by_cancel: int = 0
    """What its cancellation gave back and no refund has named."""
    freed: int = 0
    refunds: dict[str, PaperRefund] = field(default_factory=dict)
    grants: list[PaperGrant] = field(default_factory=list)

    @property
    def refunded(self) -> int:
        return sum(each.amount for each in self.refunds.values() if not each.undone)
