"""A random walk: the same commands, one after another, for a wallet of the ledger and for one on paper.

All chance comes from one seed. A step moves the clock (a little, a lot, back, or to the very instant at which something
ends), then gives both wallets one command. They must agree on the answer, on every lot, hold and redemption, and on
what they look like at some other time; and every invariant must hold.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import Enum

from chalicelib.ledger import correcting, granting, holding, quoting, redeeming
from chalicelib.ledger.cart import Cart, Line
from chalicelib.ledger.lots import Kind
from chalicelib.ledger.model import Entry, HoldStatus, Redemption, Wallet, balance
from chalicelib.ledger.plans import Act, Plan
from chalicelib.ledger.policy import (
    SPENDING_ORDER,
    At,
    Expiry,
    Never,
)
from chalicelib.ledger.refusals import Refused
from chalicelib.ledger.settling import due_at, open_book
from tests import invariants
from tests.model import chance
from tests.model.envelopes import DAY, HOUR, Refusal
from tests.model.paper_wallet import PaperWallet

MINUTE = 60_000
KINDS = [kind for kind in Kind if kind is not Kind.REINSTATED]
CROWD = 98
"""Lots that a crowded wallet starts with: near the limit of a hundred."""


class Walk:
    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.log: list[str] = []
        self.profile = self.dice.choice([*chance.PROFILES, "mixed", "checkouts", "refunds"])
        self.orders = 40 if self.profile in ("crowded", "checkouts") else 6
        self.policy, settings = chance.rules(self.dice)
        self.paper = PaperWallet(settings)
        self.wallet = Wallet("anna", "EUR")
        self.entries: tuple[Entry, ...] = ()
        self.redemptions: dict[str, Redemption] = {}
        self.hold_statuses: dict[str, HoldStatus] = {}
        self.names: dict[str, str] = {}
        """Lots of the ledger by id -> what the paper calls them."""
        self.clock = 1_770_000_000_000 + self.dice.randrange(DAY)
        self.steps = 0
        self.outcomes: dict[str, int] = {}
        self.log.append(f"{self.profile}, {self.policy.reinstatement}, {self.policy.spending_order}")

    def run(self, steps: int) -> None:
        if self.profile == "crowded":
            while len(self.wallet.lots) < CROWD:
                self.steps += 1
                self._grant()
        for _ in range(steps):
            self.step()
        self.paper.check_coins()

    def step(self) -> None:
        self.steps += 1
        self._move_clock()
        weights = chance.PROFILES[self.profile]
        (command,) = self.dice.choices(list(weights), list(weights.values()))
        if command in ("capture", "release") and not self.wallet.holds and self.dice.random() < 0.8:
            command = "hold"
        if command == "reverse" and not self.redemptions:
            command = "redeem"
        getattr(self, f"_{command}")()
        self._compare(self.clock, "now")
        self._compare(self._other_time(), "at another time")
        for invariant in invariants.INVARIANTS:
            orders = invariant is invariants.allocation_follows_spending_order
            if not orders or self.policy.spending_order == SPENDING_ORDER:
                invariant(self.wallet, self.entries)
        assert (due := due_at(self.wallet)) is None or due > self.wallet.entry_at, "due in the past"

    # commands

    def _grant(self) -> None:
        kind = self.dice.choice(KINDS)
        priority = self.dice.choice([50, 50, 50, 10, 90])
        amount = self.dice.randint(1, 3) if self.profile == "crowded" else self.dice.randint(1, 40)
        ends: int | str | None = self.dice.choice(
            [None, "never", self.clock, self.clock + 1]
            + [self.clock + self.dice.randrange(20) * HOUR for _ in range(3)]
            + [self.clock + self.dice.randrange(1, 25) * DAY for _ in range(3)]
            + [self.clock // DAY * DAY + 2 * DAY] * 3
        )
        if self.dice.random() < (0.9 if self.profile == "points" else 0.2):
            kind, ends, priority = Kind.LOYALTY, None, 50  # the kind that merges, with an end that several have
        if self.profile == "returns":  # credit that soon dies and is often given back: long chains of parents
            kind = self.dice.choice([Kind.PROMOTION, Kind.MANUAL, Kind.MIGRATION])
            ends = self.clock + self.dice.randint(1, 2) * DAY
        if kind in (Kind.REFUND, Kind.EXCHANGE, Kind.PURCHASED) and self.dice.random() < 0.9:
            ends = self.dice.choice([None, "never"])
        starts = self.clock + self.dice.randrange(-5, 30) * HOUR if self.dice.random() < 0.2 else None
        conditioned = {"mixed": 0.5, "points": 0.05, "returns": 0}.get(self.profile, 0.3)
        conditions = chance.conditions(self.dice) if self.dice.random() < conditioned else None
        expires: Expiry | None = Never() if ends == "never" else At(ends) if isinstance(ends, int) else None
        grant = granting.Grant(
            amount, kind, "test", effective_at=starts, expires=expires, priority=priority, conditions=conditions
        )
        self._both(
            grant,
            lambda act: granting.issue(self.wallet, grant, act, self.policy),
            lambda paper, op: paper.grant(op, amount, str(kind), ends, starts, priority, conditions),
        )

    def _redeem(self) -> None:
        self._spend(self._some_credit(), chance.cart(self.dice, self.orders), partial=self.dice.random() < 0.4)

    def _spend(self, amount: int, cart: Cart, *, partial: bool) -> None:
        command = redeeming.Spending(amount, cart, partial)
        self._both(
            command,
            lambda act: redeeming.redeem(self.wallet, command, act, self.policy),
            lambda paper, op: paper.redeem(op, amount, cart, partial),
        )

    def _hold(self) -> None:
        cart, amount, partial = chance.cart(self.dice, self.orders), self._some_credit(), self.dice.random() < 0.4
        seconds = self.dice.choice([1, 30, 180, 24 * 60, 7 * 24 * 60, 7 * 24 * 60]) * 60
        command = redeeming.Spending(amount, cart, partial)
        self._both(
            f"Hold({brief(command)}, {seconds} s)",
            lambda act: holding.hold(self.wallet, command, act, self.policy, seconds),
            lambda paper, op: paper.hold(op, amount, cart, partial, paper.now + seconds * 1000),
        )

    def _capture(self) -> None:
        name = self._some_hold()
        found = self.wallet.hold(name)
        amount = self._some_or_none(found.outstanding if found else 10)
        final = self.dice.random() < 0.3
        command = holding.Capture(name, amount, final)
        self._both(
            command,
            lambda act: holding.capture(self.wallet, self.hold_statuses.get(name), command, act, self.policy),
            lambda paper, op: paper.capture(op, name, amount, final),
        )

    def _release(self) -> None:
        name = self._some_hold()
        self._both(
            f"Release({name})",
            lambda act: holding.release(self.wallet, self.hold_statuses.get(name), name, act, self.policy),
            lambda paper, op: paper.release(name),
        )

    def _reverse(self) -> None:
        open_ones = [each.id for each in self.redemptions.values() if each.reversed < each.amount]
        name = self._mostly(open_ones, [*self.redemptions, "rdm_none"])
        found = self.redemptions.get(name)
        self._undo(name, self._some_or_none(found.amount - found.reversed if found else 10))

    def _round(self) -> None:
        """Spend all there is, wait until what paid is dead, and get it back: how chains of parents grow."""
        self._spend(10_000, Cart("order-1"), partial=True)
        redemption = f"rdm_op{self.steps}"
        if redemption in self.redemptions:
            ends = [part.lot.expires_at or 0 for part in self.redemptions[redemption].parts]
            self.clock = max(self.clock, *ends) + self.dice.choice([-1, 0, 0, HOUR])
            self.steps += 1
            self._undo(redemption, None)

    def _undo(self, name: str, amount: int | None) -> None:
        command = redeeming.Reversal(name, amount)
        self._both(
            command,
            lambda act: redeeming.reverse(self.wallet, self.redemptions.get(name), command, act, self.policy),
            lambda paper, op: paper.reverse(op, name, amount),
        )

    def _support(self) -> None:
        what = self.dice.choice(["debit", "debit_lot", "revoke", "revoke", "extend", "extend", "extend", "freeze"])
        if self.wallet.frozen:
            what = self.dice.choice([what, "unfreeze", "unfreeze", "unfreeze"])
        if what in ("freeze", "unfreeze"):
            mark = correcting.freeze if what == "freeze" else correcting.unfreeze
            self._both(
                what,
                lambda act: mark(self.wallet, "test", act, self.policy),
                lambda paper, op: paper.freeze(what == "freeze"),
            )
            return
        open_lots = [lot.id for lot in self.wallet.lots if not (what == "extend" and lot.expires_at is None)]
        lot = None if what == "debit" else self._mostly(open_lots, [*self.names, "lot_999"])
        name = None if lot is None else self.names.get(lot, "nothing")
        issued = lot in self.names
        found = self.wallet.lot(lot) if lot else None
        amount = self._some_or_none(found.unheld if found and found.unheld else 10)
        if what == "revoke":
            revocation = correcting.Revocation(lot or "", "test", amount)
            self._both(
                revocation,
                lambda act: correcting.revoke(self.wallet, revocation, act, self.policy, lot_was_issued=issued),
                lambda paper, op: paper.revoke(name or "", amount),
            )
        elif what == "extend":
            end = found.expires_at if found and found.expires_at else self.clock
            ends = self.dice.choice(
                [None, self.clock, end, end + 1, *(end + self.dice.randrange(9) * DAY for _ in range(4))]
            )
            extension = correcting.Extension(lot or "", Never() if ends is None else At(ends), "test")
            self._both(
                extension,
                lambda act: correcting.extend(self.wallet, extension, act, self.policy, lot_was_issued=issued),
                lambda paper, op: paper.extend(name or "", ends),
            )
        else:
            debit = correcting.Debit(amount or 1, "test", lot=lot)
            self._both(
                debit,
                lambda act: correcting.debit(self.wallet, debit, act, self.policy, lot_was_issued=issued),
                lambda paper, op: paper.debit(amount or 1, name),
            )

    def _sweep(self) -> None:
        def settle(act: Act) -> Plan:
            book = open_book(self.wallet, act, self.policy)
            return Plan(book.wallet, book.entries, book.at)

        self._both("sweep", settle, lambda paper, op: None)

    # doing it twice, and comparing

    def _both(self, said: object, ledger: Callable[[Act], Plan], paper: Callable[[PaperWallet, str], None]) -> None:
        op = f"op{self.steps}"
        self.log.append(f"{self.steps} at {self.clock}: {brief(said)}")
        trial = self._paper_at(self.clock)
        expected = "done"
        try:
            paper(trial, op)
        except Refusal as refusal:
            expected = str(refusal.args[0])
        before = self.wallet
        try:
            plan = ledger(Act(op, "tester", self.clock))
            answer = "done"
        except Refused as refused:
            answer = refused.code
        kind = f"{brief(said).split('(')[0]}: {answer}"
        self.outcomes[kind] = self.outcomes.get(kind, 0) + 1
        self.log[-1] += f" -> {answer}"
        assert answer == expected, f"the ledger says {answer}, the paper {expected}"
        if answer != "done":
            assert self.wallet is before
            return
        if plan.entries:
            self.paper = trial
        self._keep(plan, op)

    def _keep(self, plan: Plan, op: str) -> None:
        self.wallet = plan.wallet
        self.entries += plan.entries
        for redemption in (plan.redemption, *plan.amended):
            if redemption is not None:
                self.redemptions[redemption.id] = redemption
        if plan.opens_hold and plan.hold is not None:
            self.hold_statuses[plan.hold.id] = HoldStatus.OPEN
        self.hold_statuses |= dict(plan.closed_holds)
        for entry in plan.entries:
            for lot in entry.lots:
                if lot.id not in self.names:
                    parent = self.names[lot.parent] if lot.parent else "grant"
                    maker = (entry.hold or op) if lot.parent else op
                    self.names[lot.id] = f"{parent}/{maker}" if lot.parent else f"grant-{op}"

    def _compare(self, at: int, when: str) -> None:
        seen, seen_at = quoting.view(self.wallet, at, self.policy)
        paper = self._paper_at(at)
        amounts = balance(seen, seen_at)
        assert (amounts.available, amounts.pending, amounts.held) == paper.balance(), f"balances {when}"
        assert (seen.version, seen.frozen) == (self.wallet.version, paper.frozen)
        names = dict(self.names)
        for lot in seen.lots:
            if lot.id not in names:
                names[lot.id] = self._unbooked_name(lot.id, at)
        lots = {
            names[lot.id]: (
                lot.remaining,
                lot.held,
                lot.priority,
                lot.effective_at,
                lot.expires_at,
                str(lot.lot_class),
                lot.reinstatements,
            )
            for lot in seen.lots
        }
        assert lots == paper.lots(), f"lots {when}"
        holds = {
            hold.id: (hold.captured, hold.expires_at, [(names[part.lot], part.amount) for part in hold.allocations])
            for hold in seen.holds
        }
        assert holds == {
            hold.id: (hold.captured, hold.until, _runs([lot for _, lot in hold.coins])) for hold in paper.holds
        }, f"holds {when}"
        assert seen.first_order == paper.first_order
        for name, redemption in self.redemptions.items():
            parts = [(names[part.lot.id], part.amount, part.given_back) for part in redemption.parts]
            assert parts == paper.allocation(name), f"allocation of {name}"
        cart = Cart("order-1", total=25, lines=(Line("hat", 2, 7), Line("socks", 1, 9)), discounted=False)
        assert quoting.quote(self.wallet, cart, at, self.policy).applicable == paper.applicable(cart), f"quote {when}"

    def _unbooked_name(self, lot_id: str, at: int) -> str:
        """What the paper calls a lot that a look at the wallet makes and nobody has booked."""
        book = open_book(self.wallet, Act("look", "tester", at), self.policy)
        for entry in book.entries:
            for part in entry.allocations:
                if part.into == lot_id:
                    return f"{self.names[part.lot]}/{entry.hold}"
        raise AssertionError(f"{lot_id} comes from nowhere")

    def _paper_at(self, at: int) -> PaperWallet:
        paper = self.paper.copy()
        paper.pass_time(at)
        return paper

    # chance

    def _move_clock(self) -> None:
        ends = [lot.expires_at for lot in self.wallet.lots if lot.expires_at is not None]
        ends += [hold.expires_at for hold in self.wallet.holds]
        ends += [lot.effective_at for lot in self.wallet.lots if lot.effective_at > self.clock]
        near = [end for end in ends if self.clock < end < self.clock + 40 * DAY]
        quiet = {"crowded": 0.95, "points": 0.9, "returns": 0.8}.get(self.profile, 0.6)
        chance = self.dice.random()
        if chance < quiet:
            self.clock += self.dice.choice([0, 1, 1000, MINUTE])
        elif chance < quiet + (1 - quiet) / 2 and near:
            self.clock = self.dice.choice(near) + self.dice.choice([-1, 0, 0, 1])
        elif chance < 1 - (1 - quiet) / 12:
            self.clock += self.dice.choice([MINUTE, HOUR, 7 * HOUR, DAY, 3 * DAY]) * self.dice.randint(1, 3)
        else:
            self.clock -= self.dice.randrange(5 * MINUTE)

    def _other_time(self) -> int:
        return self.clock + self.dice.choice([-HOUR, 1, HOUR, DAY, 3 * DAY, 40 * DAY])

    def _amount(self, most: int = 60) -> int:
        return self.dice.randint(1, most)

    def _some_credit(self) -> int:
        """An amount, mostly one that the wallet can give."""
        seen, at = quoting.view(self.wallet, self.clock, self.policy)
        available = balance(seen, at).available
        if not available or self.dice.random() < 0.05:
            return self._amount()
        return self.dice.choice([available, available + 1, *(self.dice.randint(1, available) for _ in range(8))])

    def _some_or_none(self, there: int) -> int | None:
        """None for all of it, or an amount near what is there."""
        return self.dice.choice(
            [None, max(1, there), there + 1, *(self.dice.randint(1, max(1, there)) for _ in range(6))]
        )

    def _mostly(self, fitting: list[str], others: list[str]) -> str:
        return self.dice.choice(fitting if fitting and self.dice.random() < 0.93 else others)

    def _some_hold(self) -> str:
        open_holds = [hold.id for hold in self.wallet.holds if hold.expires_at > self.clock]
        return self._mostly(open_holds, [*self.hold_statuses, "hld_none"])


def brief(said: object) -> str:
    """A command with what it says, without what it leaves unsaid."""
    if isinstance(said, Enum) or not is_dataclass(said):
        return str(said)
    told = {field.name: getattr(said, field.name) for field in fields(said)}
    silent = {field.name: field.default for field in fields(said)}
    words = (f"{name}={brief(value)}" for name, value in told.items() if value != silent[name] and value is not None)
    return f"{type(said).__name__}({', '.join(words)})"


def _runs(names: list[str]) -> list[tuple[str, int]]:
    """How many of each name stand in a row."""
    runs: list[tuple[str, int]] = []
    for name in names:
        if runs and runs[-1][0] == name:
            runs[-1] = (name, runs[-1][1] + 1)
        else:
            runs.append((name, 1))
    return runs
