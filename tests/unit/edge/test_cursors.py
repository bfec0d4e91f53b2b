"""Lists come in pages; a cursor is good for the list that it was made for, and for no other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.edge import cursors
from chalicelib.edge.cursors import InvalidCursor
from tests.unit.edge.till import WALLET, Till

ENTRIES = f"{WALLET}/entries"


def test_entries_come_newest_first_page_by_page(till: Till) -> None:
    for amount in range(1, 8):
        till.grant(amount)
    seen = []
    page = till.get(ENTRIES, limit="3").json
    while True:
        assert set(page) == {"data", "next_cursor"}
        seen += [entry["sequence"] for entry in page["data"]]
        if page["next_cursor"] is None:
            break
        page = till.get(ENTRIES, limit="3", cursor=page["next_cursor"]).json
    assert seen == [7, 6, 5, 4, 3, 2, 1]


def test_a_list_without_entries_is_empty(till: Till) -> None:
    assert till.get(ENTRIES).json == {"data": [], "next_cursor": None}


def test_entries_that_come_meanwhile_do_not_move_a_page(till: Till) -> None:
    for amount in range(1, 5):
        till.grant(amount)
    cursor = till.get(ENTRIES, limit="2").json["next_cursor"]
    till.grant(5)
    assert [entry["sequence"] for entry in till.get(ENTRIES, cursor=cursor).json["data"]] == [2, 1]


def test_a_cursor_of_another_wallet_is_refused(till: Till) -> None:
    for amount in (1, 2):
        till.grant(amount)
    cursor = till.get(ENTRIES, limit="1").json["next_cursor"]
    for other in ("/v1/customers/bob/wallets/EUR", "/v1/customers/alice/wallets/USD"):
        answered = till.get(f"{other}/entries", cursor=cursor)
        assert (answered.status, answered.code, answered.pointers) == (400, "invalid_cursor", ["/query/cursor"])


@pytest.mark.parametrize("cursor", ["", "x", "AAAA", "=", "-" * 64, "é", "a" * 1_000, "MQ", "0"])
def test_a_cursor_that_is_none_is_refused(till: Till, cursor: str) -> None:
    assert till.get(ENTRIES, cursor=cursor).code == "invalid_cursor"


def test_a_cursor_changed_anywhere_is_refused() -> None:
    cursor = cursors.make("alice/EUR", 12_345)
    for place in range(len(cursor)):
        for letter in "Aa0_":
            changed = cursor[:place] + letter + cursor[place + 1 :]
            if changed != cursor:
                with pytest.raises(InvalidCursor):
                    cursors.position("alice/EUR", changed)


@given(st.integers(1, 10**15), st.text(max_size=30))
def test_a_cursor_leads_back_to_its_place(position: int, of: str) -> None:
    assert cursors.position(of, cursors.make(of, position)) == position


@given(st.text(max_size=70))
def test_nothing_else_is_a_cursor(text: str) -> None:
    with pytest.raises(InvalidCursor):
        cursors.position("alice/EUR", text)
