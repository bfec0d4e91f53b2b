"""Which lots pay, and how much each: the spending order.

eligible   active, something unheld, no condition in the way for this cart
order      the policy's list of keys, by default: priority, expires_at (never last), item-scoped first, class
           (promotional, goodwill, paid), effective_at, issue sequence, lot id
taken      greedily, each lot as far as its conditions and the order leave room
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from chalicelib.ledger.cart import Cart
from chalicelib.ledger.conditions import UNCONDITIONAL, Coverage, local_time, obstacles
from chalicelib.ledger.lots import Allocation, Lot, LotClass
from chalicelib.ledger.model import Wallet, balance
from chalicelib.ledger.policy import Policy
from chalicelib.ledger.refusals import AmountOutOfRange, ConditionNotMet, InsufficientCredit, WalletFrozen

_CLASS_RANK = {LotClass.PROMOTIONAL: 0, LotClass.GOODWILL: 1, LotClass.PAID: 2}

SORT_KEYS: dict[str, Callable[[Lot], Any]] = {
    "priority": lambda lot: lot.priority,
    "expires_at": lambda lot: (lot.expires_at is None, lot.expires_at or 0),
    "item_scoped": lambda lot: not (lot.conditions and lot.conditions.item_scoped),
    "lot_class": lambda lot: _CLASS_RANK[lot.lot_class],
    "effective_at": lambda lot: lot.effective_at,
    "issued_in": lambda lot: lot.issued_in,
    "id": lambda lot: lot.id,
}


@dataclass(frozen=True)
class Share:
    """What one lot gives to an order, and the codes of what keeps it from giving all it has."""

    lot: Lot
    amount: int
    reasons: tuple[str, ...]


def in_spending_order(lots: Iterable[Lot], order: tuple[str, ...]) -> list[Lot]:
    keys = [SORT_KEYS[name] for name in order]
    return sorted(lots, key=lambda lot: [key(lot) for key in keys])


def shares(wallet: Wallet, wanted: int, cart: Cart, at: int, policy: Policy) -> list[Share]:
    """Every open lot in spending order with what it gives to this order, `wanted` in all at the most.

    The wallet is settled to `at`. Freezing is not looked at here: a quote shows what would apply.
    """
    coverage = Coverage(cart)
    first_order = wallet.first_order or next((hold.order_id for hold in wallet.holds), None)
    left = wanted
    told = []
    for lot in in_spending_order(wallet.lots, policy.spending_order):
        if not left:
            break  # a quote wants all there is, so it comes this far only when no lot is left
        reasons = standing(lot, at) or _obstacles(lot, cart, at, policy.zone, first_order)
        if reasons:
            told.append(Share(lot, 0, reasons))
            continue
        conditions = lot.conditions or UNCONDITIONAL
        room, bound = coverage.room(conditions, lot.unheld)
        amount = min(room, left)
        coverage.take(conditions, amount)
        left -= amount
        told.append(Share(lot, amount, (bound,) if bound else ()))
    return told


def allocate(
    wallet: Wallet, amount: int, cart: Cart, at: int, policy: Policy, *, allow_partial: bool
) -> tuple[Allocation, ...]:
    """The lots that pay `amount` of this order (with `allow_partial`, what can be paid), in order of consumption.

    :raises WalletFrozen: nothing can be spent
    :raises AmountOutOfRange: it is more than there is to pay on the order
    :raises InsufficientCredit: the wallet has too little
    :raises ConditionNotMet: the wallet has enough, but not for this order
    """
    refuse_frozen(wallet)
    wanted = amount if cart.ceiling is None else min(amount, cart.ceiling)
    if wanted < amount and not (allow_partial and wanted):
        raise AmountOutOfRange(
            "Credit cannot cover more than the order's total.",
            field="/amount",
            requested=amount,
            order_total=cart.ceiling,
        )
    told = shares(wallet, wanted, cart, at, policy)
    found = sum(share.amount for share in told)
    if not found or (found < wanted and not allow_partial):
        available = balance(wallet, at).available
        if not available or (available < wanted and not allow_partial):
            raise InsufficientCredit(
                "The wallet has too little credit available.", available=available, requested=amount
            )
        raise ConditionNotMet(
            "The wallet has enough credit, but not all of it may be used for this order.",
            available=available,
            applicable=found,
            requested=amount,
            lots=[{"lot": share.lot.id, "reasons": list(share.reasons)} for share in told if share.reasons],
        )
    return tuple(Allocation(share.lot.id, share.amount) for share in told if share.amount)


def refuse_frozen(wallet: Wallet) -> None:
    if wallet.frozen:
        raise WalletFrozen("The wallet is frozen; nothing can be spent or set aside until it is unfrozen.")


def applicable(wallet: Wallet, cart: Cart, at: int, policy: Policy) -> list[Share]:
    """What each lot gives to this order when as much as possible is used."""
    return shares(wallet, wallet.remaining, cart, at, policy)


def standing(lot: Lot, at: int) -> tuple[str, ...]:
    """Why a lot has nothing to give whatever the order is."""
    if lot.effective_at > at:
        return ("not_yet_effective",)
    if lot.dead(at):
        return ("expired",)
    return () if lot.unheld else ("held",)


def _obstacles(lot: Lot, cart: Cart, at: int, zone: tzinfo, first_order: str | None) -> tuple[str, ...]:
    if lot.conditions is None:
        return ()
    return obstacles(lot.conditions, cart, local_time(at, zone), first_order)
