"""A wallet on paper: an independent model of the rules, to hold the ledger against.

It is written from the rules alone and as unlike the ledger as can be. Every cent is a coin with a number of its own,
which lies in exactly one place: free in an envelope (a lot), aside with a hold, spent with a redemption, or gone.
Nothing is added up or split: coins are moved one at a time, by asking for each whether it may. And nothing is settled
late: time passes event by event, in the order in which things happen.

Lots have names that tell their descent ("grant-op7", "grant-op7/op9"), since how entries are numbered is not its
business.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from chalicelib.ledger.cart import Cart
from chalicelib.ledger.conditions import Conditions
from tests.model.envelopes import DAY, GOODWILL, HOUR, NEVER_EXPIRE, PAID, Aside, Envelope, Refusal, Settings
from tests.model.picking import ceiling_of, in_order, pick


@dataclass
class PaperWallet:
    settings: Settings
    now: int = 0
    envelopes: dict[str, Envelope] = field(default_factory=dict)
    holds: list[Aside] = field(default_factory=list)
    redemptions: dict[str, list[tuple[int, Envelope]]] = field(default_factory=dict)
    """The coins in the order in which they were spent, each with its envelope's writing at that time."""
    returned: dict[str, int] = field(default_factory=dict)
    """How many coins of a redemption, from the last on, are back."""
    closed: dict[str, str] = field(default_factory=dict)
    """What became of holds, by id: captured, released, lapsed."""
    ever: set[str] = field(default_factory=set)
    """Names of all lots there ever were."""
    gone: list[int] = field(default_factory=list)
    minted: int = 0
    frozen: bool = False
    first_order: str | None = None

    def copy(self) -> PaperWallet:
        """A wallet of its own; what is written on spent coins never changes and is shared."""
        twin = replace(self, redemptions=dict(self.redemptions), returned=dict(self.returned))
        twin.closed, twin.ever, twin.gone = dict(self.closed), set(self.ever), list(self.gone)
        twin.envelopes = {name: replace(each, coins=list(each.coins)) for name, each in self.envelopes.items()}
        twin.holds = [replace(hold, coins=list(hold.coins)) for hold in self.holds]
        return twin

    # time

    def pass_time(self, to: int) -> None:
        """Let happen, one after another, all that happens by itself until then. Time does not go back."""
        while True:
            lapses = [(hold.until, 0, hold.id) for hold in self.holds]
            ends = [
                (each.ends, 1, each.name) for each in self.envelopes.values() if each.coins and each.ends is not None
            ]
            due = [event for event in lapses + ends if event[0] <= max(to, self.now)]
            if not due:
                break
            at, what, name = min(due)
            self.now = max(self.now, at)
            if what == 0:
                hold = next(each for each in self.holds if each.id == name)
                self._give_back(hold, at)
                self.closed[hold.id] = "lapsed"
            else:
                self.gone += self.envelopes[name].coins
                self.envelopes[name].coins = []
                self._tidy()
        self.now = max(self.now, to)

    # operations; each returns nothing, or raises Refusal and is then thrown away with its copy

    def grant(
        self,
        op: str,
        amount: int,
        kind: str,
        ends: int | str | None,
        starts: int | None,
        priority: int,
        conditions: Conditions | None,
    ) -> None:
        """`ends` is an instant, "never", or None for the class's default."""
        starts = self.now if starts is None else starts
        lot_class = "paid" if kind in PAID else "goodwill" if kind in GOODWILL else "promotional"
        end = ends if isinstance(ends, int) else None
        if ends is None and lot_class != "paid":
            days = 365 if lot_class == "goodwill" else 90
            end = (max(starts, self.now) // DAY + days + 1) * DAY
        if end is not None and kind in NEVER_EXPIRE:
            raise Refusal("expiry_not_permitted")
        if end is not None and end <= max(starts, self.now):
            raise Refusal("expires_in_past")
        new = Envelope(f"grant-{op}", kind, lot_class, priority, starts, end, conditions, self._number())
        into = new
        if kind in self.settings.merged and new.alive(self.now):
            for each in self.envelopes.values():
                alike = (each.kind, each.priority, each.ends, each.conditions) == (kind, priority, end, conditions)
                if alike and each.alive(self.now):
                    into = each
                    break
        if into is new:
            if len(self.envelopes) >= 100:
                raise Refusal("lot_limit_exceeded")
            self._open(new)
        for _ in range(amount):
            self.minted += 1
            into.coins.append(self.minted)

    def redeem(self, op: str, amount: int, cart: Cart, partial: bool) -> None:
        if self.frozen:
            raise Refusal("wallet_frozen")
        self._end_holds_for(cart.order_id)
        coins = self._choose(amount, cart, partial)
        self._spend(op, coins, cart.order_id)

    def hold(self, op: str, amount: int, cart: Cart, partial: bool, until: int) -> None:
        if self.frozen:
            raise Refusal("wallet_frozen")
        self._end_holds_for(cart.order_id)
        coins = self._choose(amount, cart, partial)
        parts = len({lot for _, lot in coins})
        parts += sum(len({lot for _, lot in each.coins}) for each in self.holds)
        if len(self.holds) >= 20 or parts > 100 or len(self.envelopes) + parts > 250:
            raise Refusal("lot_limit_exceeded")
        for coin, lot in coins:
            self.envelopes[lot].coins.remove(coin)
        self.holds.append(Aside(f"hld_{op}", cart.order_id or "", until, coins))

    def capture(self, op: str, hold_id: str, amount: int | None, final: bool) -> None:
        if self.frozen:
            raise Refusal("wallet_frozen")
        hold = self._open_hold(hold_id)
        amount = len(hold.coins) if amount is None else amount
        if amount > len(hold.coins):
            raise Refusal("over_capture")
        coins, hold.coins = hold.coins[:amount], hold.coins[amount:]
        hold.captured += amount
        writings = {lot: self.envelopes[lot].written() for _, lot in coins}
        self.redemptions[f"rdm_{op}"] = [(coin, writings[lot]) for coin, lot in coins]
        self.first_order = self.first_order or hold.order
        if not hold.coins or final:
            self._give_back(hold, self.now)
            self.closed[hold.id] = "captured"
        self._tidy()
        self.pass_time(self.now)

    def release(self, hold_id: str) -> None:
        hold = self._open_hold(hold_id)
        self._give_back(hold, self.now)
        self.closed[hold.id] = "released"
        self.pass_time(self.now)

    def reverse(self, op: str, redemption: str, amount: int | None) -> None:
        if redemption not in self.redemptions:
            raise Refusal("not_found")
        left = self._not_back(redemption)
        amount = len(left) if amount is None else amount
        if not left or amount > len(left):
            raise Refusal("over_reversal")
        opened: dict[str, Envelope] = {}
        for _ in range(amount):
            coin, writing = left.pop()
            self.returned[redemption] = self.returned.get(redemption, 0) + 1
            if writing.name not in opened:
                made = sum(1 for each in opened.values() if each.name.endswith(f"/{op}"))
                opened[writing.name] = self._envelope_for(writing, op, made)
            opened[writing.name].coins.append(coin)
        new = [each for each in opened.values() if each.name not in self.envelopes]
        if new and len(self.envelopes) + len(new) > 150:
            raise Refusal("lot_limit_exceeded")
        for each in new:
            self._open(each)
        self.pass_time(self.now)

    def debit(self, amount: int, lot: str | None) -> None:
        if self.frozen:
            raise Refusal("wallet_frozen")
        lots = in_order(list(self.envelopes.values()), self.settings.order) if lot is None else [self._open_lot(lot)]
        coins = [(coin, each) for each in lots if each.alive(self.now) for coin in each.coins][:amount]
        if len(coins) < amount:
            raise Refusal("insufficient_credit")
        for coin, each in coins:
            each.coins.remove(coin)
            self.gone.append(coin)
        self._tidy()

    def revoke(self, lot: str, amount: int | None) -> None:
        envelope = self._open_lot(lot)
        amount = len(envelope.coins) if amount is None else amount
        if not envelope.coins or amount > len(envelope.coins):
            raise Refusal("insufficient_credit")
        for _ in range(amount):
            self.gone.append(envelope.coins.pop())
        self._tidy()

    def extend(self, lot: str, ends: int | None) -> None:
        envelope = self._open_lot(lot)
        if ends is not None and ends <= self.now:
            raise Refusal("expires_in_past")
        if envelope.ends is None or (ends is not None and ends <= envelope.ends):
            raise Refusal("expires_earlier")
        envelope.ends = ends

    def freeze(self, frozen: bool) -> None:
        self.frozen = frozen

    # what it looks like

    def held_in(self, lot: str) -> int:
        return sum(1 for hold in self.holds for _, each in hold.coins if each == lot)

    def balance(self) -> tuple[int, int, int]:
        """Available, pending, held."""
        available = sum(len(each.coins) for each in self.envelopes.values() if each.alive(self.now))
        pending = sum(len(each.coins) for each in self.envelopes.values() if each.starts > self.now)
        return available, pending, sum(len(hold.coins) for hold in self.holds)

    def lots(self) -> dict[str, tuple[Any, ...]]:
        return {
            each.name: (
                len(each.coins) + self.held_in(each.name),
                self.held_in(each.name),
                each.priority,
                each.starts,
                each.ends,
                each.lot_class,
                each.reinstated,
            )
            for each in self.envelopes.values()
        }

    def applicable(self, cart: Cart) -> int:
        """What this order could use."""
        total = sum(len(each.coins) for each in self.envelopes.values())
        return 0 if self.frozen else len(self._pick(total, cart))

    def check_coins(self) -> None:
        """Every coin that was minted is in exactly one place."""
        places = list(self.gone)
        places += [coin for each in self.envelopes.values() for coin in each.coins]
        places += [coin for hold in self.holds for coin, _ in hold.coins]
        places += [coin for redemption in self.redemptions for coin, _ in self._not_back(redemption)]
        assert sorted(places) == list(range(1, self.minted + 1)), "a coin is lost, or there twice"

    def allocation(self, redemption: str) -> list[tuple[str, int, int]]:
        """Lot by lot in order of consumption: its name, what was taken from it, what of that is back."""
        names = [writing.name for _, writing in self.redemptions[redemption]]
        left = [writing.name for _, writing in self._not_back(redemption)]
        return [(name, names.count(name), names.count(name) - left.count(name)) for name in dict.fromkeys(names)]

    def _not_back(self, redemption: str) -> list[tuple[int, Envelope]]:
        coins = self.redemptions[redemption]
        return coins[: len(coins) - self.returned.get(redemption, 0)]

    # choosing coins

    def _choose(self, amount: int, cart: Cart, partial: bool) -> list[tuple[int, str]]:
        if self.frozen:
            raise Refusal("wallet_frozen")
        ceiling = ceiling_of(cart)
        wanted = amount
        if ceiling is not None and amount > ceiling:
            if not partial or ceiling == 0:
                raise Refusal("amount_out_of_range")
            wanted = ceiling
        coins = self._pick(wanted, cart)
        if coins and (partial or len(coins) == wanted):
            return coins
        available = self.balance()[0]
        if available == 0 or (available < wanted and not partial):
            raise Refusal("insufficient_credit")
        raise Refusal("condition_not_met")

    def _pick(self, wanted: int, cart: Cart) -> list[tuple[int, str]]:
        lots = in_order(list(self.envelopes.values()), self.settings.order)
        first = self.first_order or (self.holds[0].order if self.holds else None)
        return pick(lots, wanted, cart, self.now, first)

    # moving coins

    def _end_holds_for(self, order: str | None) -> None:
        for old in [each for each in self.holds if each.order == order]:
            self._give_back(old, self.now)
            self.closed[old.id] = "released"
        self.pass_time(self.now)

    def _spend(self, op: str, coins: list[tuple[int, str]], order: str | None) -> None:
        writings = {lot: self.envelopes[lot].written() for _, lot in coins}
        for coin, lot in coins:
            self.envelopes[lot].coins.remove(coin)
        self.redemptions[f"rdm_{op}"] = [(coin, writings[lot]) for coin, lot in coins]
        self.first_order = self.first_order or order
        self._tidy()

    def _give_back(self, hold: Aside, at: int) -> None:
        self.holds.remove(hold)
        number, made = self._number(), 0
        for lot in dict.fromkeys(lot for _, lot in hold.coins):
            coins = [coin for coin, each in hold.coins if each == lot]
            home = self.envelopes[lot]
            spared = home.lot_class == "paid" or home.reinstated < 3
            if home.dead(at) and not home.released_before and spared:
                again = home.written()
                again.name, again.kind, again.number, again.ordinal = f"{lot}/{hold.id}", "reinstated", number, made
                again.starts, again.ends = at, at + self.settings.released_hours * HOUR
                again.reinstated, again.released_before = home.reinstated + 1, True
                self._open(again)
                made += 1
                again.coins += coins
            else:
                home.coins += coins
        self._tidy()

    def _envelope_for(self, was: Envelope, op: str, made: int) -> Envelope:
        """The envelope that coins of that writing go back to: the open one, itself once more, or a new one."""
        there = self.envelopes.get(was.name)
        ends = was.ends if there is None else _later(there.ends, was.ends)
        dead = ends is not None and ends <= self.now
        settings = self.settings
        chain_is_over = was.lot_class != "paid" and was.reinstated >= 3
        gives_way = settings.mode == "no_expiry" and ends is not None and not chain_is_over
        if not dead and not gives_way:
            home = there or was.written()
            home.ends = ends
            if home.ends is not None and settings.mode in ("grace", "extend"):
                home.ends = max(home.ends, self.now + settings.lifted_days * DAY)
            return home
        new = was.written()
        new.name, new.kind, new.number, new.ordinal = f"{was.name}/{op}", "reinstated", self._number(), made
        new.starts, new.reinstated, new.released_before = self.now, was.reinstated + 1, False
        if settings.mode == "original_expiry":
            new.ends = ends
        elif chain_is_over:
            new.ends = self.now
        elif settings.mode == "extend":
            new.ends = self.now + settings.lifted_days * DAY
        elif settings.mode == "no_expiry" or was.lot_class == "paid":
            new.ends = None
        else:
            new.ends = self.now + settings.reinstated_days * DAY
        return new

    def _open(self, envelope: Envelope) -> None:
        self.envelopes[envelope.name] = envelope
        self.ever.add(envelope.name)

    def _tidy(self) -> None:
        """Throw empty envelopes away, unless coins of theirs are set aside."""
        for name in [each.name for each in self.envelopes.values() if not each.coins]:
            if not self.held_in(name):
                del self.envelopes[name]

    def _number(self) -> int:
        return len(self.ever) + 1

    def _open_lot(self, lot: str) -> Envelope:
        if lot in self.envelopes and not self.envelopes[lot].dead(self.now):
            return self.envelopes[lot]
        raise Refusal("lot_closed" if lot in self.ever else "lot_not_found")

    def _open_hold(self, hold_id: str) -> Aside:
        for hold in self.holds:
            if hold.id == hold_id:
                return hold
        became = self.closed.get(hold_id)
        raise Refusal({None: "not_found", "lapsed": "hold_lapsed"}.get(became, "hold_closed"))


def _later(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else max(one, other)
