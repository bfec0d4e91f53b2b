"""A random walk through orders: each command to the ledger, by way of a passbook, and to the paper.

They must agree on the answer, on every lot, on the balances and the debt, and on what can still be refunded of each
order by each tender. The passbook checks every invariant after each command.
"""

from __future__ import annotations

import copy
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from chalicelib.ledger.earning import Earning
from chalicelib.ledger.history import tenders_of
from chalicelib.ledger.lots import CLASS_OF_KIND, Kind
from chalicelib.ledger.policy import At, Clawback, Never, RefundSplit
from chalicelib.ledger.quoting import view
from chalicelib.ledger.refusals import Refused
from tests.model.paper_sheets import DAY, Refusal, Rule
from tests.model.paper_shop import PaperShop
from tests.passbook import POLICY, Passbook

HOUR = 3_600_000
KINDS = [Kind.PROMOTION, Kind.PROMOTION, Kind.CASHBACK, Kind.COMPENSATION, Kind.REFUND, Kind.MIGRATION]
WEIGHTS = {
    "grant": 5,
    "earn": 4,
    "redeem": 6,
    "hold": 4,
    "capture": 4,
    "release": 1,
    "reverse": 2,
    "pay": 6,
    "refund": 10,
    "undo": 5,
    "cancel": 1,
    "waive": 1,
    "sweep": 1,
}


DEBTS = {"grant": 2, "earn": 5, "refund": 9, "undo": 8, "redeem": 2, "waive": 1, "cancel": 0, "sweep": 1}
"""Orders that were paid otherwise and earned much, which is spent elsewhere: refunds of them make debts."""
ELSEWHERE = "order-elsewhere"


class OrderWalk:
    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.log: list[str] = []
        self.outcomes: Counter[str] = Counter()
        clawback = self.dice.choice([Clawback.DEBT, Clawback.DEBT, *Clawback])
        policy = replace(
            POLICY,
            clawback=clawback,
            refund_split=self.dice.choice(list(RefundSplit)),
            refund_bonus_basis_points=self.dice.choice([0, 0, 500]),
            refund_to_credit=self.dice.random() < 0.9,
            merged_kinds=frozenset(),
        )
        self.book = Passbook(policy=policy)
        self.paper = PaperShop(self.book.now)
        self.orders = [f"order-{number}" for number in range(self.dice.choice([1, 2, 5]))]
        self.totals = {order: self.dice.choice([0, 7, 30, 100, 100, 100, 333, 333]) for order in self.orders}
        self.waived = False
        self.steps = 0
        self.waits = self.dice.choice([(0, 0, 0, HOUR), (0, HOUR, DAY, 3 * DAY)])
        self.debts = self.dice.random() < 0.4
        self.weights = DEBTS if self.debts else WEIGHTS
        self.log.append(f"debts {self.debts}, {policy.clawback}, {policy.refund_split}, {self.totals}")

    def run(self, steps: int) -> None:
        if self.debts:
            for order in self.orders:
                self._pay(order)
        for _ in range(steps):
            self.step()

    def step(self) -> None:
        self.steps += 1
        self.book.now += self.dice.choice(self.waits)
        if self.dice.random() < 0.1 and self.book.wallet.lots:
            ends = self.dice.choice(self.book.wallet.lots).expires_at
            if ends is not None and ends < self.book.now + 40 * DAY:
                self.book.now = max(self.book.now, ends - self.dice.randint(0, 1))
        (command,) = self.dice.choices(list(self.weights), list(self.weights.values()))
        if command in ("capture", "release") and not self.book.wallet.holds and self.dice.random() < 0.9:
            command = "hold"
        if command == "undo" and not self.refunds() and self.dice.random() < 0.9:
            command = "refund"
        if command == "reverse" and not self.book.redemptions:
            command = "redeem"
        if command == "refund" and not self.book.orders and self.dice.random() < 0.9:
            command = "pay"
        if command in ("pay", "cancel") and self.dice.random() < 0.4:
            command = "waive" if self.book.wallet.debt else "earn"
        getattr(self, f"_{command}")()
        self._compare()

    # commands

    def _grant(self, order: str | None = None) -> None:
        kind = self.dice.choice([Kind.PROMOTION, Kind.CASHBACK] if order else KINDS)
        amount, starts = self.dice.randint(1, 60), self.book.now
        ends = None if self.dice.random() < 0.3 else self.book.now + self.dice.randrange(30) * DAY
        if kind is Kind.REFUND:
            ends = None
        if self.dice.random() < 0.15:
            starts += self.dice.randint(1, 60) * HOUR
        earned = rule = None
        if order is not None:
            rule = self._rule()
            earned = Earning(
                order,
                Clawback(rule.how),
                fixed=rule.fixed,
                basis_points=rule.share,
                base=rule.base,
                max_amount=rule.most,
                total_over=rule.over,
            )
        rank = str(CLASS_OF_KIND[kind])
        self._both(
            f"grant {amount} {kind} until {ends} for {order} by {rule}",
            lambda: self.book.grant(
                amount, kind, Never() if ends is None else At(ends), effective_at=starts, earned=earned
            ),
            lambda paper: paper.grant(amount, rank, ends, starts, order, rule),
        )

    def _earn(self) -> None:
        self._grant(self._order())
        if self.dice.random() < 0.5 and self.book.available:  # spent at once: what makes debts
            self._redeem()

    def _rule(self) -> Rule:
        rule = Rule(str(self.dice.choice([Clawback.DEBT, Clawback.DEBT, *Clawback])))
        kind = self.dice.randrange(3)
        if kind == 0:
            rule.fixed = self.dice.randint(1, 60)
        elif kind == 1:
            rule.share = self.dice.choice([1, 333, 1_000, 5_000, 10_000])
            rule.base = self.dice.choice([None, 0, 50, 100, 333])
        if self.dice.random() < 0.2:
            rule.most = self.dice.randint(1, 60)
        if self.dice.random() < 0.2:
            rule.over = self.dice.randint(0, 100)
        return rule

    def _redeem(self) -> None:
        amount, order = self._some_credit(), ELSEWHERE if self.debts else self._order()
        name = f"rdm_op{self.book._operations + 1}"
        self._both(
            f"redeem {amount} for {order}",
            lambda: self.book.redeem(amount, order),
            lambda paper: paper.redeem(name, amount, order),
        )

    def _hold(self) -> None:
        amount, order = self._some_credit(), self._order()
        minutes = self.dice.choice([1, 60, 60 * 24, 7 * 60 * 24])
        name = f"hld_op{self.book._operations + 1}"
        self._both(
            f"hold {amount} for {order}",
            lambda: self.book.hold(amount, order, minutes=minutes),
            lambda paper: paper.hold(name, amount, order, paper.now + minutes * 60_000),
        )

    def _capture(self) -> None:
        if not self.book.hold_statuses:
            return
        hold = self.dice.choice([each.id for each in self.book.wallet.holds] * 5 + list(self.book.hold_statuses))
        amount, final = self.dice.choice([None, self.dice.randint(1, 40)]), self.dice.random() < 0.3
        name = f"rdm_op{self.book._operations + 1}"
        self._both(
            f"capture {amount} of {hold}, final {final}",
            lambda: self.book.capture(hold, amount, final=final),
            lambda paper: paper.capture(name, hold, amount, final),
        )

    def _release(self) -> None:
        if self.book.wallet.holds:
            hold = self.dice.choice(self.book.wallet.holds).id
            self._both(f"release {hold}", lambda: self.book.release(hold), lambda paper: paper.release(hold))

    def _reverse(self) -> None:
        again = {f"rdm_{name}": f"again-{refund}" for name, refund in self.again.items()}
        name = self.dice.choice(list(self.book.redemptions))
        amount = self.dice.choice([None, self.dice.randint(1, 40)])
        self._both(
            f"reverse {amount} of {name} by hand",
            lambda: self.book.reverse(name, amount),
            lambda paper: paper.reverse(again.get(name, name), amount),
        )

    def _pay(self, order: str | None = None) -> None:
        order = order or self._order()
        total = self.totals[order] + (self.dice.random() < 0.03)
        found = self.paper.paid(order)[0]
        told = self.dice.choice([None, found, found, found, 0, found + 1, self.dice.randint(0, 50)])
        self._both(
            f"{order} over {total} is paid, {told} of it by credit",
            lambda: self.book.pays(order, total, credit_used=told),
            lambda paper: paper.pay(order, total, told),
        )

    def _refund(self) -> None:
        order = self._order()
        known = self.paper.sheet(order).refunds
        name = f"refund-{self.steps}"
        if known and self.dice.random() < 0.1:
            name = self.dice.choice(list(known))
        left = sum(self.paper.paid(order)[2:])
        most = max(left, 1)
        amount = self.dice.choice([left or 1, self.dice.randint(1, most), self.dice.randint(1, most), left + 1])
        to_credit = self.dice.random() < 0.4
        if name in known and self.dice.random() < 0.8:
            amount, to_credit = known[name].amount, known[name].method == "store_credit"
        split = self.dice.choice([None, None, *RefundSplit, self.dice.randint(0, 60)])
        share = self.dice.choice([None, None, 1_000, 3_333])
        how = self.book.policy.refund_split if split is None else split
        bonus = self.book.policy.refund_bonus_basis_points if share is None else share
        self._both(
            f"refund {name}: {amount} of {order}, {split}, to credit {to_credit} with {share}",
            lambda: self.book.refund(amount, order, name, to_credit=to_credit, split=split, bonus_basis_points=share),
            lambda paper: paper.refund(
                order,
                name,
                amount,
                "store_credit" if to_credit else "original",
                str(how) if isinstance(how, RefundSplit) else how,
                bonus,
                off=not self.book.policy.refund_to_credit,
            ),
        )

    def _undo(self) -> None:
        order, name = self.dice.choice([*self.refunds(), (self._order(), "refund-none")])
        how = str(self.book.policy.clawback)
        self._both(
            f"undo {name} of {order}",
            lambda: self.book.reverse_refund(name, order),
            lambda paper: paper.undo(order, name, how),
        )

    def _cancel(self) -> None:
        order = self._order()
        self._both(f"cancel {order}", lambda: self.book.cancel(order), lambda paper: paper.cancel(order))

    def _waive(self) -> None:
        amount = self.dice.choice([None, self.dice.randint(1, 20)])
        self.waived = True
        self._both(f"waive {amount}", lambda: self.book.waive(amount), lambda paper: paper.waive(amount))

    def _sweep(self) -> None:
        self._both("sweep", self.book.sweep, lambda paper: None)

    # both of them

    def _both(self, said: str, ledger: Callable[[], Any], on_paper: Callable[[PaperShop], None]) -> None:
        self.log.append(f"{self.steps} at {self.book.now}: {said}")
        trial = copy.deepcopy(self.paper)
        trial.pass_time(self.book.now)
        expected = answer = "done"
        try:
            on_paper(trial)
        except Refusal as refusal:
            expected = str(refusal.args[0])
        before = self.book.wallet
        try:
            ledger()
        except Refused as refused:
            answer = refused.code
        self.log[-1] += f" -> {answer}"
        self.outcomes[f"{said.split()[0]}: {answer}"] += 1
        assert answer == expected, f"the ledger says {answer}, the paper {expected}"
        if answer == "done":
            self.paper = trial
        else:
            assert self.book.wallet is before, "a refusal changed the wallet"

    def _compare(self) -> None:
        paper = copy.deepcopy(self.paper)
        paper.pass_time(self.book.now)
        seen, _ = view(self.book.wallet, self.book.now, self.book.policy)
        lots = sorted(
            (str(e.lot_class), e.remaining, e.held, e.effective_at, e.expires_at or 0, e.reinstatements)
            for e in seen.lots
        )
        assert lots == paper.look()
        balance = self.book.balance
        assert (balance.available, balance.pending, balance.held, balance.debt) == paper.balance()
        for order, known in self.book.orders.items():
            history = self.book.history(order)
            found = tenders_of(history, known, seen)
            paid = (found.credit_paid, found.other_paid, found.credit_left, found.other_left)
            assert paid == paper.paid(order), order
            assert known.other_refunded <= (known.total or 0)
            if known.total is not None and not self.waived:
                self._check_nothing_is_earned_by_nothing(order)

    def _check_nothing_is_earned_by_nothing(self, order: str) -> None:
        """Credit that a fully refunded order earned under a rule that takes all back is taken, or is a debt."""
        sheet = self.book.orders[order]
        if sheet.refunded < (sheet.total or 0) or not sheet.takings:
            return
        last = max(taking.entry for taking in sheet.takings)
        for grant in self.book.history(order).grants:
            if grant.earned and grant.earned.clawback is Clawback.DEBT and grant.sequence < last:
                assert sheet.taken(grant.sequence) == grant.amount, f"grant {grant.sequence} of {order}"

    # what to do it with

    @property
    def again(self) -> dict[str, str]:
        """Operations that undid a refund and redeemed for it -> the refund's id."""
        return {
            entry.operation: entry.source.id
            for entry in self.book.entries
            if entry.reason == "refund_reversed" and entry.type == "redeemed" and entry.source
        }

    def refunds(self) -> list[tuple[str, str]]:
        return [(order, each.id) for order, known in self.book.orders.items() for each in known.refunds]

    def _order(self) -> str:
        return self.dice.choice(self.orders)

    def _some_credit(self) -> int:
        return self.dice.choice([max(1, self.book.available), self.dice.randint(1, 40), self.dice.randint(1, 40)])
