"""A customer's credit and orders on paper: an independent model of refunds, to hold the ledger against.

Written from the rules alone, with plain sums: lots are a list, a redemption is a list of what was taken from which, an
order is a sheet with what was paid and refunded. No lot is ever thrown away; one that is empty is just worth nothing.
Time passes event by event.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from tests.model.paper_sheets import (
    DAY,
    PaperGrant,
    PaperHold,
    PaperLot,
    PaperRefund,
    PaperSpending,
    PaperTaking,
    Refusal,
    Rule,
    Sheet,
    Slice,
)


@dataclass
class PaperShop:
    now: int
    lots: list[PaperLot] = field(default_factory=list)
    holds: list[PaperHold] = field(default_factory=list)
    spent: dict[str, PaperSpending] = field(default_factory=dict)
    closed: dict[str, str] = field(default_factory=dict)
    sheets: dict[str, Sheet] = field(default_factory=dict)
    debt: int = 0
    debt_paid: int = 0

    def sheet(self, order: str) -> Sheet:
        return self.sheets.setdefault(order, Sheet())

    # time

    def pass_time(self, to: int) -> None:
        while True:
            due = [(hold.until, 0, hold.name) for hold in self.holds]
            due += [(lot.ends, 1, str(lot.number)) for lot in self.lots if lot.free and lot.ends is not None]
            due = [each for each in due if each[0] <= max(to, self.now)]
            if not due:
                break
            at, what, name = min(due)
            self.now = max(self.now, at)
            if what == 0:
                hold = next(each for each in self.holds if each.name == name)
                self._end_hold(hold, "lapsed", at)
            else:
                lot = next(each for each in self.lots if str(each.number) == name)
                lot.free = 0
        self.now = max(self.now, to)

    # the wallet

    def grant(
        self, amount: int, rank: str, ends: int | None, starts: int, order: str | None, rule: Rule | None
    ) -> None:
        if ends is not None and ends <= max(starts, self.now):
            raise Refusal("expires_in_past")
        lot = self._new(rank, starts, ends, amount)
        if rule is not None and order is not None:
            self.sheet(order).grants.append(PaperGrant(lot, ends, amount, rule))
        if rank == "promotional":
            self._pay_debt(lot, amount)

    def redeem(self, name: str, amount: int, order: str) -> None:
        self._replace_hold(order)
        self.spent[name] = PaperSpending(self._take(amount, self._usable()), order)
        self.sheet(order).redeemed += amount

    def hold(self, name: str, amount: int, order: str, until: int) -> None:
        self._replace_hold(order)
        slices = self._take(amount, self._usable())
        for each in slices:
            each.lot.held += each.amount
        self.holds.append(PaperHold(name, order, until, slices))

    def capture(self, name: str, hold_name: str, amount: int | None, final: bool) -> None:
        hold = self._open_hold(hold_name)
        amount = hold.left if amount is None else amount
        if amount > hold.left:
            raise Refusal("over_capture")
        taken, rest = [], []
        wanted = amount
        for each in hold.slices:
            part = min(wanted, each.amount)
            wanted -= part
            each.lot.held -= part
            if part:
                taken.append(Slice(each.lot, each.lot.ends, part))
            if each.amount > part:
                rest.append(Slice(each.lot, each.ends, each.amount - part))
        hold.slices = rest
        self.spent[name] = PaperSpending(taken, hold.order)
        self.sheet(hold.order).redeemed += amount
        if rest and final:
            self._end_hold(hold, "captured", self.now)
        elif not rest:
            self.holds.remove(hold)
            self.closed[hold_name] = "captured"
        self.pass_time(self.now)

    def release(self, hold_name: str) -> None:
        self._end_hold(self._open_hold(hold_name), "released", self.now)
        self.pass_time(self.now)

    def reverse(self, name: str, amount: int | None) -> None:
        spending = self.spent[name]
        amount = spending.left if amount is None else amount
        if not spending.left or amount > spending.left:
            raise Refusal("over_reversal")
        self._give_back(spending, amount)
        sheet = self.sheet(spending.order)
        sheet.by_hand += amount
        if sheet.total is None:
            sheet.given_up += amount
        self.pass_time(self.now)

    def waive(self, amount: int | None) -> None:
        amount = self.debt if amount is None else amount
        if not amount or amount > self.debt:
            raise Refusal("amount_out_of_range")
        self.debt -= amount

    # the shop

    def pay(self, order: str, total: int, told: int | None) -> None:
        sheet = self.sheet(order)
        if sheet.total is None:
            sheet.total, sheet.told = total, told
        elif sheet.total != total:
            raise Refusal("order_mismatch")

    def paid(self, order: str) -> tuple[int, int, int, int]:
        """By credit and by other tender: paid, paid, left, left."""
        sheet = self.sheet(order)
        held = sum(hold.left for hold in self.holds if hold.order == order)
        credit = sheet.redeemed + held + sheet.freed
        if sheet.told is None:
            credit -= sheet.given_up
        elif not sheet.cancelled:
            credit = max(credit - sheet.by_hand, min(sheet.told, credit))
        other = max(0, (sheet.total or 0) - max(credit, sheet.told or 0))
        other_back = sum(each.other for each in sheet.refunds.values() if not each.undone)
        credit_left = held + sum(each.left for each in self.spent.values() if each.order == order) + sheet.by_cancel
        return credit, other, credit_left, max(0, other - other_back)

    def refund(
        self, order: str, name: str, amount: int, method: str, how: str | int, bonus_share: int, off: bool = False
    ) -> None:
        sheet = self.sheet(order)
        if sheet.total is None:
            raise Refusal("order_not_seen")
        self._refuse_crowd(order)
        credit, other, credit_left, other_left = self.paid(order)
        if sheet.told is not None and sheet.told > credit and not (sheet.hold_ended or sheet.cancelled):
            raise Refusal("redemption_not_seen")
        if name in sheet.refunds:
            if (sheet.refunds[name].amount, sheet.refunds[name].method) != (amount, method):
                raise Refusal("refund_mismatch")
            return
        if method == "store_credit" and off:
            raise Refusal("feature_disabled")
        before = sum(each.amount for each in sheet.refunds.values() if not each.undone)
        if amount > min(credit_left + other_left, max(sheet.total, credit) - before):
            raise Refusal("over_refund")
        share = self._share(amount, how, credit, other, credit_left, other_left)
        done = PaperRefund(amount, method, share, amount - share, [])
        sheet.refunds[name] = done
        named = min(share, sheet.by_cancel)
        sheet.by_cancel -= named
        done.went_to = self._bring_home(order, share - named)
        self._unearn(sheet)
        if method == "store_credit" and done.other:
            done.refund_lot = self._new("paid", self.now, None, done.other)
            done.bonus = done.other * bonus_share // 10_000
            if done.bonus:
                done.bonus_ends = (self.now // DAY + 91) * DAY
                done.bonus_lot = self._new("promotional", self.now, done.bonus_ends, done.bonus)
                self._pay_debt(done.bonus_lot, done.bonus)
        self.pass_time(self.now)

    def undo(self, order: str, name: str, how: str) -> None:
        sheet = self.sheet(order)
        if name not in sheet.refunds:
            raise Refusal("refund_not_seen")
        done = sheet.refunds[name]
        if done.undone:
            return
        if done.credit and not sheet.cancelled:
            self.spent[f"again-{name}"] = PaperSpending(self._take(done.credit, self._usable(done.went_to)), order)
        if done.refund_lot is not None:
            self._take(done.other, self._usable([done.refund_lot]))
        if done.bonus_lot is not None:
            self._take_back(PaperGrant(done.bonus_lot, done.bonus_ends, done.bonus, Rule(how)), done.bonus)
        done.undone = True
        if sheet.cancelled:
            sheet.by_cancel += done.credit
        for grant in sheet.grants:
            back = sum(each.amount for each in grant.takings) - self._due(sheet, grant)
            for taking in reversed(grant.takings):
                if back > 0:
                    part = min(back, taking.amount)
                    self._untake(grant, taking, part)
                    back -= part
            grant.takings = [each for each in grant.takings if each.amount]
        self.pass_time(self.now)

    def cancel(self, order: str) -> None:
        sheet = self.sheet(order)
        if sheet.cancelled:
            return
        self._refuse_crowd(order)
        left = self.paid(order)[2]
        sheet.cancelled, sheet.by_cancel = True, left
        self._bring_home(order, left)
        self._unearn(sheet)
        self.pass_time(self.now)

    # what it looks like

    def look(self) -> list[tuple[object, ...]]:
        """Every open lot."""
        lots = [(e.rank, e.free + e.held, e.held, e.starts, e.ends or 0, e.chain) for e in self.lots if e.open]
        return sorted(lots)

    def balance(self) -> tuple[int, int, int, int]:
        """Available, pending, held, debt."""
        available = sum(each.free for each in self.lots if each.usable(self.now))
        pending = sum(each.free for each in self.lots if each.starts > self.now)
        return available, pending, sum(hold.left for hold in self.holds), self.debt

    # inside

    def _new(self, rank: str, starts: int, ends: int | None, amount: int, chain: int = 0) -> PaperLot:
        lot = PaperLot(len(self.lots), rank, starts, ends, chain, free=amount)
        self.lots.append(lot)
        return lot

    def _usable(self, first: list[PaperLot] | None = None) -> list[PaperLot]:
        ranks = ["promotional", "goodwill", "paid"]
        lots = [each for each in self.lots if each.usable(self.now)]
        lots.sort(key=lambda lot: (lot.ends is None, lot.ends or 0, ranks.index(lot.rank), lot.starts, lot.number))
        lots.sort(key=lambda lot: all(lot is not each for each in first or []))
        return lots

    def _take(self, amount: int, lots: list[PaperLot]) -> list[Slice]:
        slices = []
        for lot in lots:
            part = min(amount, lot.free)
            if part:
                slices.append(Slice(lot, lot.ends, part))
                amount -= part
        if amount:
            raise Refusal("insufficient_credit")
        for each in slices:
            each.lot.free -= each.amount
        return slices

    def _replace_hold(self, order: str) -> None:
        for hold in [each for each in self.holds if each.order == order]:
            self._end_hold(hold, "released", self.now)
        self.pass_time(self.now)

    def _open_hold(self, name: str) -> PaperHold:
        for hold in self.holds:
            if hold.name == name:
                return hold
        raise Refusal("hold_lapsed" if self.closed.get(name) == "lapsed" else "hold_closed")

    def _end_hold(self, hold: PaperHold, became: str, at: int) -> None:
        self.holds.remove(hold)
        self.closed[hold.name] = became
        self.sheet(hold.order).hold_ended = True
        for each in hold.slices:
            self._unhold(each.lot, each.amount, at)

    def _unhold(self, lot: PaperLot, amount: int, at: int) -> PaperLot:
        lot.held -= amount
        if lot.dead(at) and not lot.released and (lot.rank == "paid" or lot.chain < 3):
            again = self._new(lot.rank, at, at + DAY, amount, lot.chain + 1)
            again.released = True
            return again
        lot.free += amount
        return lot

    def _give_back(self, spending: PaperSpending, amount: int) -> list[PaperLot]:
        """Last consumed first."""
        homes = []
        while amount:
            last = spending.slices[-1]
            part = min(amount, last.amount)
            homes.append(self._return(last.lot, last.ends, part))
            last.amount -= part
            amount -= part
            if not last.amount:
                spending.slices.pop()
        return homes

    def _return(self, lot: PaperLot, then: int | None, amount: int) -> PaperLot:
        ends = then
        if lot.open:
            ends = None if lot.ends is None or then is None else max(lot.ends, then)
        if ends is None or ends > self.now:
            lot.ends = None if ends is None else max(ends, self.now + 14 * DAY)
            lot.free += amount
            return lot
        over = lot.rank != "paid" and lot.chain >= 3
        until = None if lot.rank == "paid" else self.now if over else self.now + 30 * DAY
        return self._new(lot.rank, self.now, until, amount, lot.chain + 1)

    def _bring_home(self, order: str, amount: int) -> list[PaperLot]:
        homes = []
        for hold in [each for each in self.holds if each.order == order]:
            while amount and hold.slices:
                last = hold.slices[-1]
                part = min(amount, last.amount)
                homes.append(self._unhold(last.lot, part, self.now))
                self.sheet(order).freed += part
                self.sheet(order).hold_ended = True
                last.amount -= part
                amount -= part
                if not last.amount:
                    hold.slices.pop()
            if not hold.slices:
                self.holds.remove(hold)
                self.closed[hold.name] = "released"
        for spending in reversed(list(self.spent.values())):
            if spending.order == order:
                part = min(amount, spending.left)
                homes += self._give_back(spending, part)
                amount -= part
        assert not amount, "more is to be brought home than went out"
        return homes

    def _share(self, amount: int, how: str | int, credit: int, other: int, credit_left: int, other_left: int) -> int:
        if isinstance(how, int):
            if how > amount or how > credit_left or amount - how > other_left:
                raise Refusal("over_refund")
            return how
        if how == "credit_first":
            return min(amount, credit_left)
        if how == "other_first":
            return amount - min(amount, other_left)
        exact = Fraction(amount * credit, credit + other)
        down = int(exact)
        odd = amount - down - int(amount - exact)
        mine = exact - down
        theirs = (amount - exact) - int(amount - exact)
        share = down + (odd if mine >= theirs else 0)
        if share > credit_left:
            return credit_left
        return amount - other_left if amount - share > other_left else share

    def _refuse_crowd(self, order: str) -> None:
        going = sum(1 for each in self.spent.values() if each.order == order and each.left)
        if going > 20 or len(self.sheet(order).grants) > 20:
            raise Refusal("order_limit_exceeded")

    # what orders earned

    def _due(self, sheet: Sheet, grant: PaperGrant) -> int:
        total = sheet.total or 0
        if not sheet.refunded and not sheet.cancelled:
            return 0
        net = 0 if sheet.cancelled else total - sheet.refunded
        return grant.amount - grant.rule.worth(grant.amount, total, net)

    def _unearn(self, sheet: Sheet) -> None:
        for grant in sheet.grants:
            missing = self._due(sheet, grant) - sum(each.amount for each in grant.takings)
            if missing > 0:
                self._take_back(grant, missing)

    def _take_back(self, grant: PaperGrant, amount: int) -> None:
        how = grant.rule.how
        if how == "none":
            return
        lots = [grant.lot] if not grant.lot.dead(self.now) else []
        if how != "lot_only":
            lots += [each for each in self._usable() if each.rank == "promotional" and each is not grant.lot]
        slices = []
        for lot in lots:
            part = min(amount, lot.free)
            if part:
                slices.append(Slice(lot, lot.ends, part))
                lot.free -= part
                amount -= part
        owed = amount if how == "debt" else 0
        self.debt += owed
        if slices or owed:
            grant.takings.append(PaperTaking(slices, owed))

    def _untake(self, grant: PaperGrant, taking: PaperTaking, amount: int) -> None:
        owed = min(amount, taking.debt)
        taking.debt -= owed
        forgiven = min(owed, self.debt)
        self.debt -= forgiven
        left = amount - owed
        home: list[Slice] = []
        while left:
            last = taking.slices[-1]
            part = min(left, last.amount)
            home.append(Slice(last.lot, last.ends, part))
            last.amount -= part
            left -= part
            if not last.amount:
                taking.slices.pop()
        paid = min(owed - forgiven, self.debt_paid)  # what was waived was paid by nobody
        self.debt_paid -= paid
        if paid:  # it was paid meanwhile, and comes back as what was granted
            own = next((each for each in home if each.lot is grant.lot), None)
            if own is None:
                home.append(Slice(grant.lot, grant.ends, paid))
            else:
                own.amount, own.ends = own.amount + paid, grant.ends
        for each in home:
            self._return(each.lot, each.ends, each.amount)

    def _pay_debt(self, lot: PaperLot, granted: int) -> None:
        part = min(self.debt, granted, lot.free)
        lot.free -= part
        self.debt -= part
        self.debt_paid += part
