"""Documents: written on the version that was read, together or not at all, and once for the key of a request."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.ledger.refusals import Refused
from chalicelib.runtime.clock import Deadline
from chalicelib.store.documents import Documents
from chalicelib.store.envelope import Answer
from chalicelib.store.once import Deed, once
from chalicelib.store.reading import Store
from chalicelib.store.signals import KeyReused, OutcomeUnknown, Signal
from chalicelib.store.writes import Asked, commit
from tests.engine.trouble import error, lost_answer, lost_request, throttled
from tests.engine.wire import COMMIT, Wire


class Full(Refused):
    code = "full"


@pytest.fixture
def documents(store: Store, wire: Wire) -> Documents:
    return Documents(store, store.tables.campaigns_name)


def _key() -> tuple[str, str]:
    return "#shelf", uuid.uuid4().hex


def _asked(fingerprint: str = "f") -> Asked:
    return Asked(uuid.uuid4().hex[:24], fingerprint)


def _do(store: Store, asked: Asked | None, deed: Deed) -> Answer:
    return once(store, asked, Deadline.after(8), lambda: deed, sleep=lambda _: None)


def test_a_document_comes_back_as_it_was_saved(store: Store, documents: Documents) -> None:
    key = _key()
    commit(store, [documents.save(key, {"name": "Frühling", "groups": [1, 2]}, 0, due_at=17)])
    found = documents.get(key)
    assert found is not None
    assert (found.version, found.body, found.due_at) == (1, {"name": "Frühling", "groups": [1, 2]}, 17)


def test_of_two_who_saw_the_same_version_one_writes(store: Store, documents: Documents) -> None:
    key = _key()
    commit(store, [documents.save(key, {"n": 0}, 0)])
    with ThreadPoolExecutor(8) as writers:
        signals = list(writers.map(lambda n: commit(store, [documents.save(key, {"n": n}, 1)]), range(8)))
    assert signals.count(Signal.COMMITTED) == 1
    winner = signals.index(Signal.COMMITTED)
    assert documents.get_many([key])[key].body == {"n": winner}


def test_all_is_written_or_nothing(store: Store, documents: Documents) -> None:
    one, other, gone = _key(), _key(), _key()
    commit(store, [documents.save(gone, {}, 0)])
    writes = [documents.save(one, {}, 0), documents.count(other, {"seen": 1}), documents.drop(gone, 7)]
    assert commit(store, writes) is Signal.MOVED
    assert set(documents.get_many([one, other, gone])) == {gone}
    assert commit(store, [*writes[:2], documents.drop(gone, 1), documents.check(_key(), 0)]) is Signal.COMMITTED
    found = documents.get_many([one, other, gone])
    assert set(found) == {one, other}
    assert found[other].counts == {"seen": 1}


def test_what_a_key_did_is_done_once_and_answered_the_same(store: Store, documents: Documents) -> None:
    key, asked = _key(), _asked()
    deed = Deed([documents.save(key, {}, 0), documents.count(("#tally", key[1]), {"n": 1})], "done")
    assert _do(store, asked, deed) == Answer("done")
    assert _do(store, asked, deed) == Answer("done", replayed=True)
    assert documents.get_many([("#tally", key[1])])["#tally", key[1]].counts == {"n": 1}
    with pytest.raises(KeyReused):
        _do(store, Asked(asked.operation, "another request"), deed)


@pytest.mark.parametrize(
    "trouble",
    [lost_answer(), lost_request(), error(500), throttled()],
    ids=["answer lost", "request lost", "500", "throttled"],
)
def test_trouble_on_the_line_changes_neither_the_answer_nor_the_effect(
    store: Store, documents: Documents, wire: Wire, trouble: object
) -> None:
    key, asked = _key(), _asked()
    wire.on(COMMIT, trouble)  # type: ignore[arg-type]
    answer = _do(store, asked, Deed([documents.count(key, {"n": 1})], "done"))
    assert answer.body == "done"
    assert documents.get_many([key])[key].counts == {"n": 1}


def test_a_put_without_a_key_whose_answer_was_lost_is_not_taken_for_somebody_elses(
    store: Store, documents: Documents, wire: Wire
) -> None:
    key = _key()

    def decide() -> Deed:
        if documents.get(key) is not None:
            raise Full("There is one already.")
        return Deed([documents.save(key, {}, 0)], "done")

    wire.on(COMMIT, lost_answer())
    assert once(store, None, Deadline.after(8), decide, sleep=lambda _: None).body == "done"


def test_nothing_is_refused_while_an_attempt_may_still_land(store: Store, documents: Documents, wire: Wire) -> None:
    """The first attempt is lost on its way, and from then on the room is full: whether the first one landed only the
    operation's record can say, and it says nothing yet."""
    refusing = iter([False])

    def decide() -> Deed:
        if next(refusing, True):
            raise Full("No room.")
        return Deed([documents.save(_key(), {}, 0)], "done")

    wire.on(COMMIT, lost_request())
    with pytest.raises(OutcomeUnknown):
        once(store, _asked(), Deadline.after(8), decide, sleep=lambda _: None)


def test_a_refusal_is_told_as_it_is_and_a_dry_run_writes_nothing(store: Store, documents: Documents) -> None:
    def refuse() -> Deed:
        raise Full("No room.")

    with pytest.raises(Full):
        once(store, _asked(), Deadline.after(8), refuse, sleep=lambda _: None)
    key = _key()
    deed = Deed([documents.save(key, {}, 0)], "would be")
    assert once(store, None, Deadline.after(8), lambda: deed, dry_run=True).body == "would be"
    assert documents.get(key) is None


def test_pages_go_through_a_key_in_order_either_way(store: Store, documents: Documents) -> None:
    shelf = f"#{uuid.uuid4().hex}"
    for start in range(0, 6, 3):
        commit(store, [documents.save((shelf, f"{n:02}"), {"n": n}, 0) for n in range(start, start + 3)])
    seen, after = [], None
    while True:
        page, after = documents.page(shelf, 4, after=after, newest_first=True)
        seen += [each.body["n"] for each in page]
        if after is None:
            break
    assert seen == [5, 4, 3, 2, 1, 0]
    assert [each.body["n"] for each in documents.all(shelf, limit=2)] == [0, 1, 2, 3, 4, 5]


def test_the_index_of_what_is_due_names_it_until_it_is_done(store: Store, documents: Documents) -> None:
    from chalicelib.store.documents import shard_of

    key = _key()
    commit(store, [documents.save(key, {}, 0, due_at=1_000)])
    assert key in documents.due(shard_of(key), 1_000, 1_000)
    assert key not in documents.due(shard_of(key), 999, 1_000)
    commit(store, [documents.save(key, {}, 1)])
    assert key not in documents.due(shard_of(key), 1_000, 1_000)
