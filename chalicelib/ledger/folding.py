"""The audit of one wallet: folding its entries gives the stored wallet, field by field (invariants 1-3, 12, 13)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields

from chalicelib.ledger.booking import SPENDS, apply
from chalicelib.ledger.lots import Allocation
from chalicelib.ledger.model import Entry, Redemption, Wallet
from chalicelib.ledger.refusals import LedgerFault


@dataclass(frozen=True)
class Difference:
    """One thing that does not tie: what is stored at `where`, and what the entries say it should be."""

    code: str
    where: str
    stored: str
    expected: str


def fold(customer: str, currency: str, entries: Iterable[Entry]) -> Wallet:
    """The wallet that these entries make.

    :raises LedgerFault: they are not the gapless, consistent history of a wallet
    """
    wallet = Wallet(customer, currency)
    for entry in entries:
        wallet = apply(wallet, entry)
    return wallet


def audit(stored: Wallet, entries: Iterable[Entry]) -> tuple[tuple[Difference, ...], int]:
    """Every difference between a stored wallet and its entries (all of them, oldest first), and how many were checked.

    After a missing or damaged entry nothing behind it can be folded: the gap is named, and the stored wallet is then
    only compared with the last entry there is.
    """
    wallet = Wallet(stored.customer, stored.currency)
    found: list[Difference] = []
    checked = 0
    last: Entry | None = None
    for entry in entries:
        checked += 1
        expected = last.sequence + 1 if last else 1
        if entry.sequence > expected:
            found.append(_missing(expected, entry.sequence - 1))
        elif not found:
            try:
                wallet = apply(wallet, entry)
            except LedgerFault as fault:
                found.append(Difference("entry_inconsistent", f"entry {entry.sequence}", str(fault), "a fold"))
        last = entry
    if stored.version > (last.sequence if last else 0):
        found.append(_missing(last.sequence + 1 if last else 1, stored.version))
    if found:
        found += _against_last(stored, last)
    else:
        found += _differences(stored, wallet)
    return tuple(found), checked


def audit_redemptions(entries: Iterable[Entry], records: Mapping[str, Redemption]) -> tuple[Difference, ...]:
    """Every difference between a wallet's redemption records and what its entries took and gave back (invariant 7)."""
    taken: dict[str, tuple[Allocation, ...]] = {}
    given: dict[str, int] = {}
    for entry in entries:
        if entry.redemption is not None and entry.type in SPENDS:
            taken[entry.redemption] = entry.allocations
        elif entry.redemption is not None:
            total = sum(part.amount for part in entry.allocations)
            given[entry.redemption] = given.get(entry.redemption, 0) + total
    found = []
    for redemption in taken.keys() | given.keys() | records.keys():
        record = records.get(redemption)
        if record is None:
            found.append(Difference("redemption_missing", redemption, "nothing", "a record"))
            continue
        allocations, back = taken.get(redemption, ()), given.get(redemption, 0)
        pairs: list[tuple[str, object, object]] = [
            ("amount", record.amount, sum(part.amount for part in allocations)),
            ("reversed", record.reversed, back),
        ]
        if all(here == there for _, here, there in pairs):
            parts = [(part.lot.id, part.amount, part.given_back) for part in record.parts]
            pairs.append(("parts", parts, _parts(allocations, back)))
        found += [
            Difference("redemption_differs", f"{redemption}.{name}", str(here), str(there))
            for name, here, there in pairs
            if here != there
        ]
    return tuple(sorted(found, key=lambda difference: difference.where))


def _parts(allocations: tuple[Allocation, ...], back: int) -> list[tuple[str, int, int]]:
    """(lot, taken, given back) in order of consumption, when so much came back, the last consumed first."""
    parts = []
    for part in reversed(allocations):
        parts.append((part.lot, part.amount, min(back, part.amount)))
        back -= parts[-1][2]
    return parts[::-1]


def _missing(first: int, last: int) -> Difference:
    where = f"entry {first}" if first == last else f"entry {first}..{last}"
    return Difference("entry_missing", where, "nothing", "an entry" if first == last else "entries")


def _against_last(stored: Wallet, last: Entry | None) -> list[Difference]:
    pairs = (
        ("version", stored.version, last.sequence if last else 0),
        ("remaining", stored.remaining, last.balance_after if last else 0),
        ("held", stored.held, last.held_after if last else 0),
    )
    return [_difference(name, here, there) for name, here, there in pairs if here != there]


def _differences(stored: Wallet, folded: Wallet) -> list[Difference]:
    found = []
    for name in ("version", "debt", "debt_paid", "frozen", "entry_at", "first_order"):
        here, there = getattr(stored, name), getattr(folded, name)
        if here != there:
            found.append(_difference(name, here, there))
    for part in ("lots", "holds"):
        here_by_id = {each.id: each for each in getattr(stored, part)}
        there_by_id = {each.id: each for each in getattr(folded, part)}
        here_ids, there_ids = ([each.id for each in getattr(wallet, part)] for wallet in (stored, folded))
        if here_ids != there_ids and here_by_id.keys() == there_by_id.keys():
            found.append(_difference(part, ", ".join(here_ids), ", ".join(there_ids)))
        for each_id in here_by_id | there_by_id:
            here, there = here_by_id.get(each_id), there_by_id.get(each_id)
            if here is None or there is None:
                found.append(_difference(each_id, here and "open", there and "open"))
            else:
                found += [
                    _difference(f"{each_id}.{field.name}", getattr(here, field.name), getattr(there, field.name))
                    for field in fields(here)
                    if getattr(here, field.name) != getattr(there, field.name)
                ]
    return found


def _difference(where: str, stored: object, expected: object) -> Difference:
    return Difference(
        "wallet_differs",
        where,
        "nothing" if stored is None else str(stored),
        "nothing" if expected is None else str(expected),
    )
