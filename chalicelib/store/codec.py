"""How a value of the ledger becomes an item, and back.

A lot is one JSON list. The lots of a wallet are deflated, since each write is paid by the kilobyte of the whole item
and lots of one wallet are much alike: some thirty fit in the first kilobyte, where eleven did as plain text.

    [id, kind, granted, remaining, held, priority, effective_at, expires_at or null, {more}?]

`id` without its `lot_`, `kind` as two letters; `more` only where there is something: conditions, source, parent,
reinstatements, class (of a reinstated lot), from_release. A part of a redemption is [lot, amount, given_back], an
allocation [lot, amount] or [lot, amount, into], a hold [id, order, amount, captured, expires_at, [allocation, ...]].
"""

from __future__ import annotations

import json
import zlib
from typing import Any

from chalicelib.ledger import conditions
from chalicelib.ledger.lots import CLASS_OF_KIND, Allocation, Kind, Lot, LotClass, Source
from chalicelib.ledger.model import Entry, EntryType, Hold, Redemption, RedemptionPart, Wallet
from chalicelib.ledger.settling import due_at
from chalicelib.store.earning_codec import earning_of, earning_text
from chalicelib.store.envelope import WalletId
from chalicelib.store.packing import compact, deflate, inflate, parsed
from chalicelib.store.signals import NewerSchema
from chalicelib.store.tables import DUE_SHARDS, SCHEMA, EntryRow, Tables, WalletRow

_KIND_CODE = {
    Kind.REFUND: "rf",
    Kind.EXCHANGE: "ex",
    Kind.PURCHASED: "pu",
    Kind.MIGRATION: "mi",
    Kind.COMPENSATION: "co",
    Kind.MANUAL: "ma",
    Kind.PROMOTION: "pr",
    Kind.CASHBACK: "cb",
    Kind.LOYALTY: "lo",
    Kind.REFERRAL: "re",
    Kind.OCCASION: "oc",
    Kind.REINSTATED: "ri",
}
_KIND = {code: kind for kind, code in _KIND_CODE.items()}
assert len(_KIND) == len(Kind)

MAX_PLAIN_LOTS = 2
"""An entry with the terms of more lots than this keeps them deflated: a refund may bring back twenty-five."""


def wallet_row(tables: Tables, wallet: Wallet) -> WalletRow:
    return tables.wallet(**wallet_attributes(wallet))


def wallet_attributes(wallet: Wallet) -> dict[str, Any]:
    due = due_at(wallet)
    return {
        "pk": wallet.customer,
        "sk": wallet.currency,
        "version": wallet.version,
        "schema": SCHEMA,
        "lots": deflate(compact([_lot(lot) for lot in wallet.lots])) if wallet.lots else None,
        "holds": compact([_hold(hold) for hold in wallet.holds]) if wallet.holds else None,
        "debt": wallet.debt or None,
        "debt_paid": wallet.debt_paid or None,
        "frozen": wallet.frozen or None,
        "entry_at": wallet.entry_at,
        "first_order": wallet.first_order,
        "shard": None if due is None else due_shard(WalletId(wallet.customer, wallet.currency)),
        "due_at": due,
    }


def wallet_of(row: WalletRow) -> Wallet:
    """:raises NewerSchema: a later version of this code wrote it"""
    if row.schema > SCHEMA:
        raise NewerSchema(f"wallet {row.pk}/{row.sk} has schema {row.schema}, this code knows {SCHEMA}")
    return Wallet(
        customer=row.pk,
        currency=row.sk,
        version=int(row.version),
        lots=tuple(_to_lot(told) for told in parsed(row.lots)) if row.lots else (),
        holds=tuple(_to_hold(told) for told in json.loads(row.holds)) if row.holds else (),
        debt=int(row.debt or 0),
        debt_paid=int(row.debt_paid or 0),
        frozen=bool(row.frozen),
        entry_at=int(row.entry_at),
        first_order=row.first_order,
    )


def due_shard(wallet_id: WalletId) -> str:
    """The partition of the due index that the wallet is in: the same in every process."""
    return f"{zlib.crc32(str(wallet_id).encode()) % DUE_SHARDS:02}"


def entry_row(tables: Tables, wallet_id: WalletId, entry: Entry) -> EntryRow:
    return tables.entry(**entry_attributes(wallet_id, entry))


def entry_attributes(wallet_id: WalletId, entry: Entry) -> dict[str, Any]:
    lots = compact([_lot(lot) for lot in entry.lots]) if entry.lots else None
    packed = len(entry.lots) > MAX_PLAIN_LOTS
    return {
        "wallet": str(wallet_id),
        "sequence": entry.sequence,
        "type": entry.type.value,
        "amount": entry.amount,
        "balance_after": entry.balance_after,
        "held_after": entry.held_after,
        "debt_after": entry.debt_after or None,
        "debt_paid_after": entry.debt_paid_after or None,
        "allocations": compact([_allocation(part) for part in entry.allocations]) if entry.allocations else None,
        "at": entry.at,
        "actor": entry.actor,
        "reason": entry.reason,
        "operation": entry.operation,
        "policy": entry.policy,
        "note": entry.note,
        "customer_text": entry.customer_text,
        "source_type": entry.source.type if entry.source else None,
        "source_id": entry.source.id if entry.source else None,
        "lots": None if packed else lots,
        "packed_lots": deflate(lots) if lots and packed else None,
        "order_id": entry.order_id,
        "redemption": entry.redemption,
        "hold": entry.hold,
        "hold_expires_at": entry.hold_expires_at,
        "notify": entry.notify,
        "pending_after": entry.pending_after or None,
        "earned": earning_text(entry.earned) if entry.earned else None,
    }


def entry_of(row: EntryRow) -> Entry:
    lots = inflate(row.packed_lots) if row.packed_lots else row.lots
    return Entry(
        sequence=int(row.sequence),
        type=EntryType(row.type),
        amount=int(row.amount),
        balance_after=int(row.balance_after),
        held_after=int(row.held_after),
        debt_after=int(row.debt_after or 0),
        debt_paid_after=int(row.debt_paid_after or 0),
        allocations=tuple(_to_allocation(told) for told in json.loads(row.allocations)) if row.allocations else (),
        at=int(row.at),
        actor=row.actor,
        reason=row.reason,
        operation=row.operation,
        policy=row.policy,
        note=row.note,
        customer_text=row.customer_text,
        source=Source(row.source_type, row.source_id) if row.source_type else None,
        lots=tuple(_to_lot(told) for told in json.loads(lots)) if lots else (),
        order_id=row.order_id,
        redemption=row.redemption,
        hold=row.hold,
        hold_expires_at=_int_or_none(row.hold_expires_at),
        notify=row.notify,
        pending_after=int(row.pending_after or 0),
        earned=earning_of(row.earned) if row.earned else None,
    )


def _int_or_none(value: Any) -> int | None:
    return None if value is None else int(value)


def redemption_record(redemption: Redemption) -> bytes:
    parts = [[_lot(part.lot), part.amount, part.given_back] for part in redemption.parts]
    return deflate(compact([redemption.order_id, parts]))


def redemption_of(redemption_id: str, record: bytes) -> Redemption:
    order_id, parts = parsed(record)
    return Redemption(
        redemption_id, order_id, tuple(RedemptionPart(_to_lot(lot), amount, back) for lot, amount, back in parts)
    )


def _lot(lot: Lot) -> list[Any]:
    told: list[Any] = [
        lot.id[4:],
        _KIND_CODE[lot.kind],
        lot.granted,
        lot.remaining,
        lot.held,
        lot.priority,
        lot.effective_at,
        lot.expires_at,
    ]
    more: dict[str, Any] = {}
    if lot.conditions is not None:
        more["c"] = conditions.as_dict(lot.conditions)
    if lot.source is not None:
        more["s"] = [lot.source.type, lot.source.id]
    if lot.parent is not None:
        more |= {"p": lot.parent[4:], "n": lot.reinstatements, "k": lot.lot_class.value}
    if lot.from_release:
        more["f"] = 1
    if more:
        told.append(more)
    return told


def _to_lot(told: list[Any]) -> Lot:
    kind = _KIND[told[1]]
    more: dict[str, Any] = told[8] if len(told) > 8 else {}
    parent = more.get("p")
    source = more.get("s")
    return Lot(
        id=f"lot_{told[0]}",
        kind=kind,
        lot_class=LotClass(more["k"]) if parent else CLASS_OF_KIND[kind],
        granted=told[2],
        remaining=told[3],
        held=told[4],
        priority=told[5],
        effective_at=told[6],
        expires_at=told[7],
        conditions=conditions.from_dict(more["c"]) if "c" in more else None,
        source=Source(source[0], source[1]) if source else None,
        parent=f"lot_{parent}" if parent else None,
        reinstatements=more.get("n", 0),
        from_release=bool(more.get("f")),
    )


def _allocation(part: Allocation) -> list[Any]:
    return [part.lot[4:], part.amount, part.into[4:]] if part.into else [part.lot[4:], part.amount]


def _to_allocation(told: list[Any]) -> Allocation:
    return Allocation(f"lot_{told[0]}", told[1], f"lot_{told[2]}" if len(told) > 2 else None)


def _hold(hold: Hold) -> list[Any]:
    parts = [_allocation(part) for part in hold.allocations]
    return [hold.id[4:], hold.order_id, hold.amount, hold.captured, hold.expires_at, parts]


def _to_hold(told: list[Any]) -> Hold:
    hold, order_id, amount, captured, expires_at, parts = told
    return Hold(f"hld_{hold}", order_id, amount, captured, tuple(map(_to_allocation, parts)), expires_at)
