"""Whether what is remembered beside the ledger ties to its entries: orders, and the sums over everything.

order      each refund's credit = what its entries gave back; its new credit and bonus = what they granted; undone, its
           credit was redeemed again, unless the order was cancelled before; what was taken of a grant = what was taken
           back less what was given back; no more is refunded to other tender than the order's total (what credit
           paid may be more, where a checkout spent more on an order than it cost, and all of it may come back)
sums       issued + restored = redeemed + captured + expired + revoked + clawed back + debited + debt settled
           + outstanding, for each currency
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from chalicelib.ledger.booking import EFFECT
from chalicelib.ledger.folding import Difference
from chalicelib.ledger.lots import LotClass
from chalicelib.ledger.model import Entry, EntryType
from chalicelib.ledger.orders import Order, Refunded
from chalicelib.ledger.refunding import REFUND

GIVES = tuple(type_ for type_, (remaining, _) in EFFECT.items() if remaining > 0)
TAKES = tuple(type_ for type_, (remaining, _) in EFFECT.items() if remaining < 0)


def audit_order(order: Order, entries: Iterable[Entry]) -> tuple[Difference, ...]:
    """Every difference between what is remembered of an order and its wallet's entries."""
    told = list(entries)
    found = []
    where = f"order {order.id}"
    if order.total is not None and order.other_refunded > order.total:
        found.append(
            Difference("order_differs", f"{where}.other_refunded", str(order.other_refunded), f"at most {order.total}")
        )
    for refund in order.refunds:
        made = [each for each in told if _source(each) == (REFUND, refund.id)]
        found += _refund_differences(where, order, refund, made)
    again = sum(_moved(each) for each in told if each.type is EntryType.REDEEMED and _undoes_refund(each, order))
    taken = sum(taking.amount for taking in order.takings)
    if order.retaken != again:
        found.append(Difference("order_differs", f"{where}.retaken", str(order.retaken), str(again)))
    taken_back = _taken_back(order, told)
    if not taken <= taken_back <= taken + _waived(told):  # what was waived is given up without being given back
        found.append(Difference("order_differs", f"{where}.taken", str(taken), str(taken_back)))
    return tuple(found)


def _undoes_refund(entry: Entry, order: Order) -> bool:
    return entry.order_id == order.id and entry.source is not None and entry.source.type == REFUND


def _refund_differences(where: str, order: Order, refund: Refunded, made: list[Entry]) -> list[Difference]:
    back = sum(_moved(each) for each in made if each.type is EntryType.RELEASED or _of_redemption(each))
    again = sum(_moved(each) for each in made if each.type is EntryType.REDEEMED)
    granted = Counter[bool]()
    for each in made:
        if each.type is EntryType.ISSUED:
            granted[each.lots[0].lot_class is LotClass.PROMOTIONAL] += each.amount
    pairs = (
        ("credit", refund.credit - refund.by_cancellation, back),
        ("again", refund.credit if refund.undone and (again or not order.cancelled) else 0, again),
        ("refund_lot", refund.other if refund.refund_lot else 0, granted[False]),
        ("bonus", refund.bonus, granted[True]),
    )
    return [
        Difference("order_differs", f"{where}.{refund.id}.{name}", str(here), str(there))
        for name, here, there in pairs
        if here != there
    ]


def _of_redemption(entry: Entry) -> bool:
    return entry.type is EntryType.RESTORED and entry.redemption is not None


def _taken_back(order: Order, told: list[Entry]) -> int:
    """What was taken back for this order, debt included, and not given back. A bonus that went is no earning."""
    total = owed = 0
    # A bonus goes with its refund lot. Reasons do not tell: a shop may name any.
    undoing = {each.operation for each in told if each.type is EntryType.DEBITED and _undoes_refund(each, order)}
    for entry in told:
        change, owed = entry.debt_after - owed, entry.debt_after
        if entry.order_id != order.id:
            continue
        if entry.type is EntryType.CLAWED_BACK:
            if entry.operation in undoing:
                continue
            total += change - entry.amount
        elif entry.type is EntryType.DEBT_SETTLED and not entry.allocations:
            total += change
        elif entry.type is EntryType.RESTORED and entry.redemption is None:
            total -= entry.amount
    return total


def _waived(told: list[Entry]) -> int:
    """Debt that was forgiven, of whatever order it was."""
    total = owed = 0
    for entry in told:
        change, owed = entry.debt_after - owed, entry.debt_after
        if entry.type is EntryType.DEBT_SETTLED and not entry.allocations and entry.order_id is None:
            total -= change
    return total


def _source(entry: Entry) -> tuple[str, str] | None:
    return (entry.source.type, entry.source.id) if entry.source else None


def _moved(entry: Entry) -> int:
    return sum(part.amount for part in entry.allocations)


def sums(entries: Iterable[Entry]) -> Counter[EntryType]:
    """What entries gave and took, by type; those that move nothing are left out."""
    found: Counter[EntryType] = Counter()
    for entry in entries:
        if entry.amount:
            found[entry.type] += abs(entry.amount)
    return found


def audit_sums(currency: str, by_type: Mapping[EntryType, int], outstanding: int) -> tuple[Difference, ...]:
    """Whether all that was ever given is taken or still there (invariant 1, over everything)."""
    given = sum(by_type.get(each, 0) for each in GIVES)
    taken = sum(by_type.get(each, 0) for each in TAKES)
    if given == taken + outstanding:
        return ()
    return (Difference("sums_differ", currency, f"{taken} taken and {outstanding} outstanding", f"{given} given"),)
