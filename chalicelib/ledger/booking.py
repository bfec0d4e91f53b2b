"""How an entry changes a wallet: the one place where it does.

    effect of an entry on each allocated lot        remaining    held
    issued, restored                                    +          .
    redeemed expired revoked debited clawed_back
    debt_settled                                        -          .
    held                                                .          +
    captured                                            -          -
    released, lapsed                                    .          -     (with `into`: the part moves to that lot)
    extended frozen unfrozen                            .          .

Before the effect, the terms in `Entry.lots` are laid down: a lot that the wallet has gets the new terms, one that it
has not is opened. After it, lots with nothing left leave the wallet, and so do holds with nothing set aside.

Operations decide entries through a `Book`; the audit replays stored ones through `apply`. So what an operation leaves
behind is the fold of its entries by construction, and a stored wallet that is not, is damaged.
"""

from __future__ import annotations

from dataclasses import replace

from chalicelib.ledger.earning import Earning
from chalicelib.ledger.lots import Allocation, Lot, Source
from chalicelib.ledger.model import Entry, EntryType, Hold, Wallet
from chalicelib.ledger.plans import Act
from chalicelib.ledger.refusals import LedgerFault

EFFECT: dict[EntryType, tuple[int, int]] = {
    EntryType.ISSUED: (1, 0),
    EntryType.RESTORED: (1, 0),
    EntryType.REDEEMED: (-1, 0),
    EntryType.EXPIRED: (-1, 0),
    EntryType.REVOKED: (-1, 0),
    EntryType.DEBITED: (-1, 0),
    EntryType.CLAWED_BACK: (-1, 0),
    EntryType.DEBT_SETTLED: (-1, 0),
    EntryType.HELD: (0, 1),
    EntryType.CAPTURED: (-1, -1),
    EntryType.RELEASED: (0, -1),
    EntryType.LAPSED: (0, -1),
    EntryType.EXTENDED: (0, 0),
    EntryType.FROZEN: (0, 0),
    EntryType.UNFROZEN: (0, 0),
}
"""Sign of an allocation's effect on (remaining, held), by entry type."""

SPENDS = frozenset({EntryType.REDEEMED, EntryType.CAPTURED})


def apply(wallet: Wallet, entry: Entry) -> Wallet:
    """The wallet after the entry.

    :raises LedgerFault: the entry does not follow from this wallet: a gap, going back in time, an amount that its
        allocations do not give, a lot that is not there or would leave 0 <= held <= remaining <= granted
    """
    if entry.sequence != wallet.version + 1:
        raise LedgerFault(f"entry {entry.sequence} does not follow entry {wallet.version}")
    if entry.at < wallet.entry_at:
        raise LedgerFault(f"entry {entry.sequence} is dated before the one ahead of it")
    lots = _moved({lot.id: lot for lot in wallet.lots}, entry)
    after = replace(
        wallet,
        version=entry.sequence,
        lots=tuple(lots.values()),
        holds=_holds_after(wallet.holds, entry),
        debt=entry.debt_after,
        debt_paid=entry.debt_paid_after,
        frozen=_frozen_after(wallet.frozen, entry.type),
        entry_at=entry.at,
        first_order=wallet.first_order or (entry.order_id if entry.type in SPENDS else None),
    )
    change = sum(part.amount for part in entry.allocations) * EFFECT[entry.type][0]
    if entry.amount != change:
        raise LedgerFault(f"entry {entry.sequence} says {entry.amount} and its allocations {change}")
    if entry.debt_after < 0 or entry.debt_paid_after < 0:
        raise LedgerFault(f"entry {entry.sequence} leaves a debt of {entry.debt_after}, {entry.debt_paid_after} paid")
    if (after.remaining, after.held) != (entry.balance_after, entry.held_after):
        raise LedgerFault(
            f"entry {entry.sequence} leaves {after.remaining} ({after.held} held)"
            f" and says {entry.balance_after} ({entry.held_after} held)"
        )
    return after


def _moved(lots: dict[str, Lot], entry: Entry) -> dict[str, Lot]:
    remaining_sign, held_sign = EFFECT[entry.type]
    for terms in entry.lots:
        there = lots.get(terms.id)
        lots[terms.id] = terms.worth(there.remaining, there.held) if there else terms
    for part in entry.allocations:
        if part.amount <= 0:
            raise LedgerFault(f"entry {entry.sequence} moves {part.amount}")
        moved_on = -part.amount if part.into else 0
        _shift(lots, part.lot, remaining_sign * part.amount + moved_on, held_sign * part.amount, entry)
        if part.into:
            _shift(lots, part.into, part.amount, 0, entry)
    for part in entry.allocations:
        if part.lot in lots and not lots[part.lot].remaining:
            del lots[part.lot]
    return lots


def _shift(lots: dict[str, Lot], lot_id: str, remaining: int, held: int, entry: Entry) -> None:
    lot = lots.get(lot_id)
    if lot is None:
        raise LedgerFault(f"entry {entry.sequence} touches {lot_id}, which is not open")
    after = lot.worth(lot.remaining + remaining, lot.held + held)
    if not 0 <= after.held <= after.remaining <= after.granted:
        raise LedgerFault(
            f"entry {entry.sequence} leaves {lot_id} with {after.held} held of {after.remaining} of {after.granted}"
        )
    lots[lot_id] = after


def _holds_after(holds: tuple[Hold, ...], entry: Entry) -> tuple[Hold, ...]:
    if entry.hold is None:
        return holds
    if entry.type is EntryType.HELD:
        amount = sum(part.amount for part in entry.allocations)
        opened = Hold(entry.hold, entry.order_id or "", amount, 0, entry.allocations, entry.hold_expires_at or 0)
        return (*holds, opened)
    if not any(hold.id == entry.hold for hold in holds):
        raise LedgerFault(f"entry {entry.sequence} touches {entry.hold}, which is not open")
    changed = (_less(hold, entry) if hold.id == entry.hold else hold for hold in holds)
    return tuple(hold for hold in changed if hold.allocations)


def _less(hold: Hold, entry: Entry) -> Hold:
    taken: dict[str, int] = {}
    for part in entry.allocations:
        taken[part.lot] = taken.get(part.lot, 0) + part.amount
    parts = [replace(part, amount=part.amount - taken.pop(part.lot, 0)) for part in hold.allocations]
    if taken or any(part.amount < 0 for part in parts):
        raise LedgerFault(f"entry {entry.sequence} takes more from {hold.id} than it sets aside")
    captured = sum(part.amount for part in entry.allocations) if entry.type is EntryType.CAPTURED else 0
    return replace(hold, captured=hold.captured + captured, allocations=tuple(part for part in parts if part.amount))


def _frozen_after(frozen: bool, type_: EntryType) -> bool:
    if type_ is EntryType.FROZEN:
        return True
    return False if type_ is EntryType.UNFROZEN else frozen


class Book:
    """A wallet while one operation writes entries into it. Made for one operation, at one instant.

    `at` is that instant: the clock's, or the last entry's where the clock is behind it, so entry times never go back.
    """

    def __init__(self, wallet: Wallet, act: Act, policy: str) -> None:
        self.wallet = wallet
        self.at = max(act.at, wallet.entry_at)
        self.entries: tuple[Entry, ...] = ()
        self._act = act
        self._policy = policy

    @property
    def next_sequence(self) -> int:
        return self.wallet.version + 1

    def write(
        self,
        type_: EntryType,
        reason: str,
        allocations: tuple[Allocation, ...] = (),
        lots: tuple[Lot, ...] = (),
        *,
        actor: str | None = None,
        note: str | None = None,
        customer_text: str | None = None,
        source: Source | None = None,
        order_id: str | None = None,
        redemption: str | None = None,
        hold: str | None = None,
        hold_expires_at: int | None = None,
        notify: bool | None = None,
        earned: Earning | None = None,
        debt_change: int = 0,
        debt_paid_change: int = 0,
    ) -> Entry:
        """Append one entry and apply it. `lots` are terms; their remaining and held count for nothing."""
        remaining_sign, held_sign = EFFECT[type_]
        total = sum(part.amount for part in allocations)
        entry = Entry(
            sequence=self.next_sequence,
            type=type_,
            amount=remaining_sign * total,
            balance_after=self.wallet.remaining + remaining_sign * total,
            held_after=self.wallet.held + held_sign * total,
            debt_after=self.wallet.debt + debt_change,
            debt_paid_after=self.wallet.debt_paid + debt_paid_change,
            allocations=allocations,
            at=self.at,
            actor=actor or self._act.actor,
            reason=reason,
            operation=self._act.operation,
            policy=self._policy,
            note=note,
            customer_text=customer_text,
            source=source,
            lots=tuple(lot.worth(0, 0) for lot in lots),
            order_id=order_id,
            redemption=redemption,
            hold=hold,
            hold_expires_at=hold_expires_at,
            notify=notify,
            earned=earned,
        )
        self.wallet = apply(self.wallet, entry)
        pending = sum(lot.unheld for lot in self.wallet.lots if lot.effective_at > self.at)
        if pending:
            entry = replace(entry, pending_after=pending)
        self.entries += (entry,)
        return entry
