"""Holds: credit set aside for an order until it is captured, released, or lapses.

    open --capture, nothing left or final--> captured
         --release, or another hold for the same order--> released
         --its time is over--> lapsed

Terminal states are final. A closed hold has left the wallet; what became of it stands in its record, save a lapse,
which follows from the time: a hold whose record is open and that is not in the settled wallet has lapsed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from chalicelib.ledger.booking import Book
from chalicelib.ledger.limits import HOLD_TTL_DEFAULT_SECONDS, MAX_HELD_PARTS, MAX_LOTS, MAX_OPEN_HOLDS, SECOND_MS
from chalicelib.ledger.lots import Allocation
from chalicelib.ledger.model import EntryType, Hold, HoldStatus, Wallet
from chalicelib.ledger.plans import Act, Plan
from chalicelib.ledger.policy import Policy
from chalicelib.ledger.redeeming import Spending, redemption_of
from chalicelib.ledger.refusals import HoldClosed, HoldLapsed, LotLimitExceeded, NotFound, OverCapture
from chalicelib.ledger.settling import end_holds_for, expire, give_back, open_book
from chalicelib.ledger.spending import allocate, refuse_frozen


def hold_id(operation: str) -> str:
    return f"hld_{operation}"


def hold(
    wallet: Wallet, command: Spending, act: Act, policy: Policy, ttl_seconds: int = HOLD_TTL_DEFAULT_SECONDS
) -> Plan:
    """Set credit aside. An open hold for the same order is released first, in the same movement.

    :raises WalletFrozen, AmountOutOfRange, InsufficientCredit, ConditionNotMet: see `spending.allocate`
    :raises LotLimitExceeded: the wallet has all the holds, or all the held parts, that it may have
    """
    book = open_book(wallet, act, policy)
    refuse_frozen(book.wallet)
    order_id = command.cart.order_id or ""
    replaced = end_holds_for(book, order_id, policy)
    parts = allocate(book.wallet, command.amount, command.cart, book.at, policy, allow_partial=command.allow_partial)
    held_parts = len(parts) + sum(len(each.allocations) for each in book.wallet.holds)
    crowded = held_parts > MAX_HELD_PARTS or len(book.wallet.lots) + held_parts > MAX_LOTS
    if crowded or len(book.wallet.holds) >= MAX_OPEN_HOLDS:
        raise LotLimitExceeded(
            "The wallet has as many holds as a wallet may have.", limit=MAX_OPEN_HOLDS, held_parts=MAX_HELD_PARTS
        )
    book.write(
        EntryType.HELD,
        "hold",
        parts,
        order_id=order_id,
        hold=hold_id(act.operation),
        hold_expires_at=book.at + ttl_seconds * SECOND_MS,
    )
    return Plan(
        book.wallet,
        book.entries,
        book.at,
        hold=book.wallet.hold(hold_id(act.operation)),
        hold_status=HoldStatus.OPEN,
        opens_hold=True,
        closed_holds=replaced,
    )


@dataclass(frozen=True)
class Capture:
    """Held credit to be spent: all of it unless an amount is said. What a final capture leaves is released."""

    hold: str
    amount: int | None = None
    final: bool = True


def capture(wallet: Wallet, recorded: HoldStatus | None, command: Capture, act: Act, policy: Policy) -> Plan:
    """Spend held credit, whatever has become of the lots meanwhile. Each capture is a redemption of its own.

    `recorded` is what the hold's record says, None if this wallet has no such record.

    :raises WalletFrozen: nothing is spent from a frozen wallet
    :raises NotFound, HoldClosed, HoldLapsed: see `_open_hold`
    :raises OverCapture: more than is still set aside
    """
    book = open_book(wallet, act, policy)
    refuse_frozen(book.wallet)
    found = _open_hold(book, command.hold, recorded)
    amount = found.outstanding if command.amount is None else command.amount
    if amount > found.outstanding:
        raise OverCapture("The hold has less than that set aside.", held=found.outstanding, requested=amount)
    parts = _first(found.allocations, amount)
    redemption = redemption_of(book.wallet, parts, act.operation, found.order_id)
    book.write(
        EntryType.CAPTURED,
        "capture",
        parts,
        order_id=found.order_id,
        redemption=redemption.id,
        hold=found.id,
    )
    rest = book.wallet.hold(found.id)
    if rest is not None and command.final:
        give_back(book, EntryType.RELEASED, rest, book.at, policy, reason="capture_final")
        expire(book)
    still_open = book.wallet.hold(found.id)
    status = HoldStatus.OPEN if still_open else HoldStatus.CAPTURED
    return Plan(
        book.wallet,
        book.entries,
        book.at,
        redemption=redemption,
        hold=still_open or replace(found, captured=found.captured + amount, allocations=()),
        hold_status=status,
        closed_holds=() if still_open else ((found.id, status),),
    )


def release(wallet: Wallet, recorded: HoldStatus | None, hold: str, act: Act, policy: Policy) -> Plan:
    """Give back what a hold still sets aside, also in a frozen wallet.

    :raises NotFound, HoldClosed, HoldLapsed: see `_open_hold`
    """
    book = open_book(wallet, act, policy)
    found = _open_hold(book, hold, recorded)
    give_back(book, EntryType.RELEASED, found, book.at, policy, reason="release")
    expire(book)
    return Plan(
        book.wallet,
        book.entries,
        book.at,
        hold=replace(found, allocations=()),
        hold_status=HoldStatus.RELEASED,
        closed_holds=((found.id, HoldStatus.RELEASED),),
    )


def _open_hold(book: Book, hold: str, recorded: HoldStatus | None) -> Hold:
    """The open hold of that id.

    :raises NotFound: this wallet never had it
    :raises HoldClosed: it was captured or released
    :raises HoldLapsed: its time is over
    """
    found = book.wallet.hold(hold)
    if found is not None:
        return found
    if recorded is None:
        raise NotFound("The wallet has no such hold.", hold=hold)
    if recorded is HoldStatus.OPEN:
        raise HoldLapsed("The hold has lapsed; what it set aside went back to its lots.", hold=hold)
    raise HoldClosed(f"The hold was {recorded} before.", hold=hold, hold_status=str(recorded))


def _first(allocations: tuple[Allocation, ...], amount: int) -> tuple[Allocation, ...]:
    """The first parts that make up the amount, in order of consumption."""
    parts = []
    for part in allocations:
        if amount:
            taken = min(amount, part.amount)
            parts.append(Allocation(part.lot, taken))
            amount -= taken
    return tuple(parts)
