"""Who is erased is erased with all the ids that they had."""

from __future__ import annotations

from chalicelib.customers.commands import merge_into
from chalicelib.customers.store import Profiles
from chalicelib.notices import erasing
from chalicelib.runtime.clock import Deadline
from chalicelib.store.envelope import WalletId
from tests.engine.mailroom import Mailroom
from tests.engine.test_notices import anna, issued, room
from tests.engine.till import new_wallet

__all__ = ["anna", "room"]


def merge(room: Mailroom, one: WalletId, other: WalletId) -> None:
    merge_into(room.engine, one.customer, other.customer, "tester", None, Deadline.after(8), lambda _: "{}")


def test_texts_told_under_an_id_that_was_merged_go_too(room: Mailroom, anna: WalletId) -> None:
    middle, last, stranger = new_wallet(), new_wallet(), new_wallet()
    room.knows(stranger)
    for wallet in (anna, stranger):
        issued(room, wallet)
    room.deal()
    merge(room, anna, middle)
    merge(room, middle, last)
    erasing.erase_all(room.engine.store, room.docs, last.customer)
    assert all(each.content is None and each.reference is None for each in room.history(anna))
    assert any(each.content is not None for each in room.history(stranger))


def test_a_merge_is_kept_once_and_found_by_way_of_others(room: Mailroom) -> None:
    first, second, middle, last = (new_wallet() for _ in range(4))
    for one, other in ((first, middle), (second, middle), (middle, last)):
        merge(room, one, other)
    room.till.fill(first, 70)
    merge(room, first, last)
    profiles = Profiles(room.engine.store)
    assert sorted(profiles.merged_into(last.customer, 10)) == sorted(each.customer for each in (first, second, middle))
    assert len(profiles.merged_into(last.customer, 2)) == 2
    assert profiles.merged_into(first.customer, 10) == []
