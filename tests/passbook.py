"""A passbook: one customer's wallet through its life, for tests that read as stories.

Operations are done one after another at the passbook's present, as the store would do them: what an operation leaves
is what the next one sees, with the records of redemptions and holds beside it. After each of them every invariant is
checked, so a test of one rule is also a test of all the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from chalicelib.ledger import correcting, granting, holding, indebting, ordering, quoting, redeeming, refunding
from chalicelib.ledger.booking import SPENDS
from chalicelib.ledger.cart import Cart
from chalicelib.ledger.correcting import Debit, Extension, Revocation
from chalicelib.ledger.granting import Grant
from chalicelib.ledger.history import OrderHistory
from chalicelib.ledger.holding import Capture
from chalicelib.ledger.indebting import Waiver
from chalicelib.ledger.lots import Kind, Lot
from chalicelib.ledger.model import Balance, Entry, Hold, HoldStatus, Redemption, Wallet, balance
from chalicelib.ledger.orders import Order, Refunded
from chalicelib.ledger.plans import Act, Plan
from chalicelib.ledger.policy import Expiry, Policy
from chalicelib.ledger.quoting import Quote
from chalicelib.ledger.redeeming import Reversal, Spending
from chalicelib.ledger.refunding import ORIGINAL, STORE_CREDIT, Refund
from chalicelib.ledger.settling import open_book
from chalicelib.ledger.tying import audit_order, audit_sums, sums
from tests import invariants

POLICY = Policy(version="1", zone=UTC)


def instant(moment: str, zone: tzinfo = UTC) -> int:
    """Milliseconds of a moment written `2026-04-20` or `2026-04-20T09:30`, on the clocks of that zone."""
    local = datetime.fromisoformat(moment).replace(tzinfo=zone)
    return (local.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


class Passbook:
    """`now` is set by `on` and `later`; `policy` may be replaced between two operations."""

    def __init__(self, opened: str = "2026-01-15T12:00", policy: Policy = POLICY) -> None:
        self.policy = policy
        self.wallet = Wallet("anna", "EUR")
        self.entries: tuple[Entry, ...] = ()
        self.redemptions: dict[str, Redemption] = {}
        self.hold_statuses: dict[str, HoldStatus] = {}
        self.orders: dict[str, Order] = {}
        self.now = instant(opened, policy.zone)
        self._operations = 0
        self._spends_by_default_order = policy.spending_order == POLICY.spending_order

    def on(self, moment: str) -> Passbook:
        """Set the clock, on the merchant's wall; also back."""
        self.now = instant(moment, self.policy.zone)
        return self

    def later(self, **duration: float) -> Passbook:
        self.now += timedelta(**duration) // timedelta(milliseconds=1)
        return self

    # what can be done
    def grant(self, amount: int, kind: Kind = Kind.PROMOTION, expires: Expiry | None = None, **more: Any) -> str:
        """The id of the lot that has the credit."""
        plan = self._do(granting.issue, Grant(amount, kind, "test", expires=expires, **more))
        return plan.lots[0].id

    def redeem(self, amount: int, order: str | Cart = "order-1", *, partial: bool = False) -> Redemption:
        plan = self._do(redeeming.redeem, Spending(amount, _cart(order), partial))
        assert plan.redemption is not None
        return plan.redemption

    def reverse(
        self, redemption: Redemption | str, amount: int | None = None, reason: str = "reversal"
    ) -> tuple[Lot, ...]:
        """The reinstated lots that it made."""
        name = redemption if isinstance(redemption, str) else redemption.id
        command = Reversal(name, amount, reason)
        return self._do(
            lambda wallet, act, policy: redeeming.reverse(wallet, self.redemptions.get(name), command, act, policy)
        ).lots

    def hold(self, amount: int, order: str | Cart = "order-1", *, partial: bool = False, minutes: int = 30) -> Hold:
        plan = self._do(holding.hold, Spending(amount, _cart(order), partial), ttl_seconds=60 * minutes)
        assert plan.hold is not None
        return plan.hold

    def capture(self, hold: Hold | str, amount: int | None = None, *, final: bool = True) -> Redemption:
        name = hold if isinstance(hold, str) else hold.id
        command = Capture(name, amount, final)
        plan = self._do(
            lambda wallet, act, policy: holding.capture(wallet, self.hold_statuses.get(name), command, act, policy)
        )
        assert plan.redemption is not None
        return plan.redemption

    def release(self, hold: Hold | str) -> None:
        name = hold if isinstance(hold, str) else hold.id
        self._do(lambda wallet, act, policy: holding.release(wallet, self.hold_statuses.get(name), name, act, policy))

    def debit(self, amount: int, lot: str | None = None) -> None:
        self._do(correcting.debit, Debit(amount, "correction", lot=lot), lot_was_issued=self.was_issued(lot))

    def revoke(self, lot: str, amount: int | None = None) -> None:
        self._do(correcting.revoke, Revocation(lot, "mistake", amount), lot_was_issued=self.was_issued(lot))

    def extend(self, lot: str, expires: Expiry) -> None:
        self._do(correcting.extend, Extension(lot, expires, "goodwill"), lot_was_issued=self.was_issued(lot))

    def freeze(self) -> None:
        self._do(correcting.freeze, "fraud")

    def unfreeze(self) -> None:
        self._do(correcting.unfreeze, "cleared")

    def sweep(self) -> None:
        """Book what has happened by itself, as a sweep does."""
        book = open_book(self.wallet, self._act(), self.policy)
        self._keep(book.wallet, book.entries)

    # what orders do to it
    def pays(self, order: str = "order-1", total: int = 3000, *, credit_used: int | None = None, **more: Any) -> Order:
        """The shop tells that an order was paid."""
        told = Order(order, more.pop("customer", "anna"), more.pop("currency", "EUR"), total, credit_used, **more)
        self._keep_order(
            self._do(lambda wallet, act, policy: ordering.remember(wallet, self.orders.get(order), told, act))
        )
        return self.orders[order]

    def refund(
        self, amount: int, order: str = "order-1", name: str | None = None, *, to_credit: bool = False, **more: Any
    ) -> Refunded:
        """The shop refunds a part of an order; what became of that."""
        name = name or f"refund-{self._operations + 1}"
        command = Refund(name, order, amount, STORE_CREDIT if to_credit else ORIGINAL, **more)
        self._keep_order(
            self._do(lambda wallet, act, policy: refunding.refund(wallet, self.history(order), command, act, policy))
        )
        done = self.orders[order].refund(name)
        assert done is not None
        return done

    def cancel(self, order: str = "order-1") -> Plan:
        plan = self._do(lambda wallet, act, policy: ordering.cancel(wallet, self.history(order), order, act, policy))
        return self._keep_order(plan)

    def reverse_refund(self, refund: Refunded | str, order: str = "order-1") -> Plan:
        name = refund if isinstance(refund, str) else refund.id
        plan = self._do(
            lambda wallet, act, policy: refunding.reverse_refund(wallet, self.history(order), name, act, policy)
        )
        return self._keep_order(plan)

    def waive(self, amount: int | None = None) -> None:
        self._do(indebting.waive, Waiver("goodwill", amount))

    def history(self, order: str) -> OrderHistory:
        """All that the wallet had to do with an order, as the store would read it."""
        about = tuple(entry for entry in self.entries if entry.order_id == order)
        made = (entry.redemption for entry in about if entry.type in SPENDS)
        redemptions = tuple(self.redemptions[name] for name in made if name is not None)
        return OrderHistory(self.orders.get(order), redemptions, about)

    # what can be seen
    def quote(self, cart: Cart) -> Quote:
        return quoting.quote(self.wallet, cart, self.now, self.policy)

    @property
    def balance(self) -> Balance:
        seen, at = quoting.view(self.wallet, self.now, self.policy)
        return balance(seen, at)

    @property
    def available(self) -> int:
        return self.balance.available

    @property
    def lots(self) -> dict[str, int]:
        """What is seen to remain, by lot."""
        return {lot.id: lot.remaining for lot in quoting.view(self.wallet, self.now, self.policy)[0].lots}

    def lot(self, lot: str) -> Lot:
        found = self.wallet.lot(lot)
        assert found is not None, f"{lot} is not open"
        return found

    def was_issued(self, lot: str | None) -> bool:
        return any(lot == terms.id for entry in self.entries for terms in entry.lots)

    @property
    def types(self) -> list[str]:
        return [str(entry.type) for entry in self.entries]

    def _do(self, operation: Callable[..., Plan], *command: Any, **more: Any) -> Plan:
        plan = operation(self.wallet, *command, act=self._act(), policy=self.policy, **more)
        self._keep(plan.wallet, plan.entries)
        for redemption in (plan.redemption, *plan.amended):
            if redemption is not None:
                self.redemptions[redemption.id] = redemption
        if plan.opens_hold and plan.hold is not None:
            self.hold_statuses[plan.hold.id] = HoldStatus.OPEN
        self.hold_statuses |= dict(plan.closed_holds)
        return plan

    def _keep_order(self, plan: Plan) -> Plan:
        if plan.order is not None and plan.order is not self.orders.get(plan.order.id):
            self.orders[plan.order.id] = replace(plan.order, version=plan.order.version + 1)
            assert audit_order(plan.order, self.entries) == ()
        return plan

    def _keep(self, wallet: Wallet, entries: tuple[Entry, ...]) -> None:
        self.wallet = wallet
        self.entries += entries
        for invariant in invariants.INVARIANTS:
            if self._spends_by_default_order or invariant is not invariants.allocation_follows_spending_order:
                invariant(self.wallet, self.entries)
        assert audit_sums("EUR", sums(self.entries), self.wallet.remaining) == ()

    def _act(self) -> Act:
        self._operations += 1
        return Act(operation=f"op{self._operations}", actor="tester", at=self.now)


def taken(redemption: Redemption) -> dict[str, int]:
    """What was taken from each lot, in order of consumption."""
    return {part.lot.id: part.amount for part in redemption.parts}


def _cart(order: str | Cart) -> Cart:
    return order if isinstance(order, Cart) else Cart(order)
