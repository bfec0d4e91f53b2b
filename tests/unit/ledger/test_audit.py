"""The audit names what does not tie: each damage, where it is, what is stored and what it should be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.ledger.folding import Difference, audit, audit_redemptions
from chalicelib.ledger.lots import Allocation
from chalicelib.ledger.model import Entry, EntryType, Wallet
from tests.passbook import Passbook


def history() -> Passbook:
    """Seven entries: two grants, a hold, a redemption, a capture, a reversal, a grant."""
    anna = Passbook()
    anna.grant(100)
    anna.grant(50)
    hold = anna.hold(120, "order-1")
    spent = anna.redeem(10, "order-2")
    anna.capture(hold, 30, final=False)
    anna.reverse(spent, 5)
    anna.grant(7)
    return anna


def differences(wallet: Wallet, entries: tuple[Entry, ...]) -> list[tuple[str, str, str, str]]:
    found, checked = audit(wallet, entries)
    assert checked == len(entries)
    return [(each.code, each.where, each.stored, each.expected) for each in found]


def with_lot(wallet: Wallet, lot: str, **changes: Any) -> Wallet:
    return replace(wallet, lots=tuple(replace(each, **changes) if each.id == lot else each for each in wallet.lots))


def test_a_sound_wallet_has_no_differences() -> None:
    anna = history()
    assert audit(anna.wallet, anna.entries) == ((), 7)
    assert audit(Wallet("anna", "EUR"), ()) == ((), 0)


@pytest.mark.parametrize(
    ("field", "damaged", "sound"),
    [
        ("remaining", 99, "70"),
        ("held", 69, "70"),
        ("granted", 1000, "100"),
        ("priority", 0, "50"),
        ("expires_at", None, "1776297600000"),
        ("effective_at", 0, "1768478400000"),
        ("from_release", True, "False"),
        ("reinstatements", 1, "0"),
        ("parent", "lot_2", "nothing"),
        ("kind", "refund", "promotion"),
        ("lot_class", "paid", "promotional"),
    ],
)
def test_a_damaged_lot_is_named_with_the_field(field: str, damaged: object, sound: str) -> None:
    anna = history()
    wallet = with_lot(anna.wallet, "lot_1", **{field: damaged})
    stored = "nothing" if damaged is None else str(damaged)
    assert differences(wallet, anna.entries) == [("wallet_differs", f"lot_1.{field}", stored, sound)]


@pytest.mark.parametrize(
    ("field", "damaged", "sound"),
    [
        ("debt", 5, "0"),
        ("frozen", True, "False"),
        ("entry_at", 1, "1768478400000"),
        ("first_order", "order-9", "order-2"),
        ("version", 6, "7"),
    ],
)
def test_a_damaged_wallet_is_named_with_the_field(field: str, damaged: object, sound: str) -> None:
    anna = history()
    wallet = replace(anna.wallet, **{field: damaged})  # type: ignore[arg-type]
    assert differences(wallet, anna.entries) == [("wallet_differs", field, str(damaged), sound)]


def test_a_lot_that_is_gone_is_named() -> None:
    anna = history()
    wallet = replace(anna.wallet, lots=anna.wallet.lots[1:])
    assert differences(wallet, anna.entries) == [("wallet_differs", "lot_1", "nothing", "open")]


def test_a_lot_that_should_not_be_there_is_named() -> None:
    anna = history()
    extra = replace(anna.lot("lot_1"), id="lot_3")
    wallet = replace(anna.wallet, lots=(*anna.wallet.lots, extra))
    assert differences(wallet, anna.entries) == [("wallet_differs", "lot_3", "open", "nothing")]


def test_a_lot_that_is_there_twice_is_named() -> None:
    anna = history()
    wallet = replace(anna.wallet, lots=(*anna.wallet.lots, anna.lot("lot_1")))
    assert differences(wallet, anna.entries) == [
        ("wallet_differs", "lots", "lot_1, lot_2, lot_7, lot_1", "lot_1, lot_2, lot_7")
    ]


def test_a_damaged_hold_is_named_with_the_field() -> None:
    anna = history()
    (hold,) = anna.wallet.holds
    wallet = replace(anna.wallet, holds=(replace(hold, captured=0),))
    assert differences(wallet, anna.entries) == [("wallet_differs", f"{hold.id}.captured", "0", "30")]
    assert differences(replace(anna.wallet, holds=()), anna.entries) == [("wallet_differs", hold.id, "nothing", "open")]


@pytest.mark.parametrize("missing", range(1, 8))
def test_a_missing_entry_is_named_wherever_it_is(missing: int) -> None:
    anna = history()
    left = tuple(entry for entry in anna.entries if entry.sequence != missing)
    assert differences(anna.wallet, left)[0] == ("entry_missing", f"entry {missing}", "nothing", "an entry")


def test_a_missing_entry_in_the_middle_is_the_only_thing_named() -> None:
    anna = history()
    left = tuple(entry for entry in anna.entries if entry.sequence != 4)
    assert len(differences(anna.wallet, left)) == 1


def test_several_gaps_are_all_named() -> None:
    anna = history()
    left = tuple(entry for entry in anna.entries if entry.sequence not in (1, 3, 4))
    assert [where for _, where, _, _ in differences(anna.wallet, left)] == ["entry 1", "entry 3..4"]


def test_a_ledger_that_is_gone_is_named() -> None:
    anna = history()
    assert ("entry_missing", "entry 1..7", "nothing", "entries") in differences(anna.wallet, ())


def test_a_wallet_restored_from_an_older_backup_is_behind_its_ledger() -> None:
    older = history()
    newer = history()
    newer.redeem(5, "order-3")
    found = differences(older.wallet, newer.entries)
    assert ("wallet_differs", "version", "7", "8") in found
    assert ("wallet_differs", "lot_2.remaining", "45", "40") in found


def test_a_ledger_restored_from_an_older_backup_is_behind_its_wallet() -> None:
    older, newer = history(), history()
    newer.redeem(5, "order-3")
    found = differences(newer.wallet, older.entries)
    assert found[0] == ("entry_missing", "entry 8", "nothing", "an entry")
    assert ("wallet_differs", "remaining", "117", "122") in found


@pytest.mark.parametrize(
    "damage",
    [
        lambda entry: replace(entry, amount=entry.amount + 1),
        lambda entry: replace(entry, balance_after=entry.balance_after + 1),
        lambda entry: replace(entry, held_after=entry.held_after + 1),
        lambda entry: replace(entry, at=0),
        lambda entry: replace(entry, type=EntryType.HELD),
        lambda entry: replace(entry, allocations=(Allocation("lot_1", entry.allocations[0].amount + 1),)),
        lambda entry: replace(entry, allocations=(Allocation("lot_9", entry.allocations[0].amount),)),
        lambda entry: replace(entry, allocations=()),
        lambda entry: replace(entry, hold="hld_unknown"),
    ],
    ids=["amount", "balance", "held", "time", "type", "too much", "another lot", "nothing", "hold"],
)
def test_a_damaged_entry_is_named(damage: Callable[[Entry], Entry]) -> None:
    anna = history()
    damaged = tuple(damage(entry) if entry.sequence == 4 else entry for entry in anna.entries)
    (found, *_) = differences(anna.wallet, damaged)
    assert found[:2] == ("entry_inconsistent", "entry 4")


def test_an_entry_that_took_from_another_lot_shows_in_both_lots() -> None:
    anna = Passbook()
    anna.grant(100)
    anna.grant(100)
    anna.redeem(10)
    damaged = (*anna.entries[:2], replace(anna.entries[2], allocations=(Allocation("lot_2", 10),)))
    assert differences(anna.wallet, damaged) == [
        ("wallet_differs", "lot_1.remaining", "90", "100"),
        ("wallet_differs", "lot_2.remaining", "100", "90"),
    ]


def test_an_entry_that_is_not_one_of_the_wallets_is_named() -> None:
    anna = history()
    stray = (replace(anna.entries[0], sequence=0), *anna.entries)
    assert differences(anna.wallet, stray)[0][:2] == ("entry_inconsistent", "entry 0")


# Records of redemptions


def test_sound_records_of_redemptions_have_no_differences() -> None:
    anna = history()
    assert audit_redemptions(anna.entries, anna.redemptions) == ()


def test_a_record_of_a_redemption_that_is_gone_or_wrong_is_named() -> None:
    anna = history()
    reversed_once = next(each for each in anna.redemptions.values() if each.reversed)
    forgot = replace(reversed_once, parts=tuple(replace(part, given_back=0) for part in reversed_once.parts))
    others = {name: each for name, each in anna.redemptions.items() if name != reversed_once.id}
    assert audit_redemptions(anna.entries, anna.redemptions | {forgot.id: forgot}) == (
        Difference("redemption_differs", f"{forgot.id}.reversed", "0", "5"),
    )
    assert audit_redemptions(anna.entries, others) == (
        Difference("redemption_missing", forgot.id, "nothing", "a record"),
    )


def test_a_record_that_gave_back_to_the_wrong_lot_is_named() -> None:
    anna = Passbook()
    anna.grant(100)
    anna.grant(100)
    spent = anna.redeem(150)
    anna.reverse(spent, 20)
    first, last = anna.redemptions[spent.id].parts
    swapped = replace(spent, parts=(replace(first, given_back=20), replace(last, given_back=0)))
    assert audit_redemptions(anna.entries, {spent.id: swapped}) == (
        Difference(
            "redemption_differs",
            f"{spent.id}.parts",
            "[('lot_1', 100, 20), ('lot_2', 50, 0)]",
            "[('lot_1', 100, 0), ('lot_2', 50, 20)]",
        ),
    )
