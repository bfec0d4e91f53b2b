"""A wallet's life by chance: credit of two campaigns and of none, and everything that may happen to it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from chalicelib.ledger.earning import Earning
from chalicelib.ledger.lots import Kind, Source
from chalicelib.ledger.policy import Clawback, Days
from chalicelib.ledger.refusals import Refused
from chalicelib.performance.attribution import campaign_of
from chalicelib.performance.model import CAMPAIGN
from tests.passbook import POLICY, Passbook

SPRING, SUMMER = "cmp_spring", "cmp_summer"


def of(campaign: str) -> Source:
    return Source(CAMPAIGN, campaign)


class Life(Passbook):
    """Promotional credit merges in some lives: then one campaign's credit joins another's lot."""

    def __init__(self, dice: random.Random, campaigns: tuple[str, str] = (SPRING, SUMMER)) -> None:
        kinds = frozenset({Kind.PROMOTION, Kind.LOYALTY}) if dice.random() < 0.3 else POLICY.merged_kinds
        super().__init__(policy=replace(POLICY, merged_kinds=kinds))
        self.dice = dice
        self.campaigns = campaigns

    def run(self, steps: int) -> Life:
        for _ in range(steps):
            step = self.dice.choice([self._grant] * 3 + [self._spend] * 4 + [self._end, self._support, self._order] * 2)
            try:
                step()
            except Refused:
                continue
            finally:
                self.later(hours=self.dice.choice([0, 1, 30, 400]))
        return self

    def remaining(self) -> Mapping[str, int]:
        """What remains in the lots of each campaign."""
        left: Counter[str] = Counter()
        for lot in self.wallet.lots:
            if (campaign := campaign_of(lot.source)) is not None:
                left[campaign] += lot.remaining
        return left

    def _grant(self) -> None:
        spring, summer = map(of, self.campaigns)
        source = self.dice.choice([spring, spring, summer, None])
        effective_at = self.now + self.dice.choice([-1, 1]) * 86_400_000 if self.dice.random() < 0.2 else None
        expires = Days(self.dice.choice([1, 20, 90]))
        self.grant(self.dice.randint(1, 900), expires=expires, source=source, effective_at=effective_at)

    def _spend(self) -> None:
        order, amount = f"order-{self.dice.randint(1, 6)}", self.dice.randint(1, 1_200)
        if self.dice.random() < 0.5:
            self.redeem(amount, order, partial=True)
        else:
            self.hold(amount, order, partial=True, minutes=self.dice.choice([30, 10_000]))

    def _end(self) -> None:
        """A hold, or a redemption."""
        holds = [hold.id for hold in self.wallet.holds]
        if holds and self.dice.random() < 0.7:
            hold = self.dice.choice(holds)
            self.capture(hold) if self.dice.random() < 0.5 else self.release(hold)
            return
        made = [each for each in self.redemptions.values() if each.reversed < each.amount]
        if made:
            redemption = self.dice.choice(made)
            self.reverse(redemption, self.dice.randint(1, redemption.amount - redemption.reversed))

    def _support(self) -> None:
        lots = [lot.id for lot in self.wallet.lots]
        match self.dice.randrange(4):
            case 0:
                self.debit(self.dice.randint(1, 300))
            case 1 if lots:
                self.revoke(self.dice.choice(lots))
            case 2 if lots:
                self.extend(self.dice.choice(lots), Days(200))
            case _:
                self.sweep()

    def _order(self) -> None:
        """An order is paid and earns credit; or refunded, or that is undone, or cancelled."""
        order = f"order-{self.dice.randint(1, 6)}"
        known = self.orders.get(order)
        if known is None or known.total is None:
            self.pays(order, 3_000)
            earned = Earning(order, Clawback.DEBT, fixed=300)
            self.grant(300, Kind.CASHBACK, source=Source("order", order), earned=earned)
        elif known.refunds and self.dice.random() < 0.4:
            self.reverse_refund(self.dice.choice(known.refunds), order)
        elif self.dice.random() < 0.15:
            self.cancel(order)
        else:
            self.refund(self.dice.randint(1, 1_500), order, to_credit=self.dice.random() < 0.3)
