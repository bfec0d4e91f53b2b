"""Events out: what each entry is told as, in which order, and what happens when the bus does not take it."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from chalicelib.edge.functions import publishing
from chalicelib.edge.functions.announcements import announcement
from chalicelib.edge.functions.publishing import BatchBlocked, publish_batch, replay_range
from chalicelib.edge.wallets import presenter
from chalicelib.ledger.lots import Kind
from chalicelib.ledger.model import Entry
from chalicelib.ledger.policy import Days
from chalicelib.messaging import bus
from chalicelib.messaging.bus import Event
from chalicelib.store.codec import entry_row
from chalicelib.store.envelope import WalletId
from chalicelib.store.signals import Unread
from chalicelib.store.tables import bind
from dev.places import ROOT
from tests.passbook import Passbook

ANNA = WalletId("anna", "EUR")
BEN = WalletId("ben", "EUR")
CLEO = WalletId("cleo", "EUR")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"STAGE": "local", "WALLETS_TABLE": "wallets", "LEDGER_TABLE": "ledger"}
    for name, value in {**told, "CUSTOMERS_TABLE": "customers", "CAMPAIGNS_TABLE": "campaigns"}.items():
        monkeypatch.setenv(name, value)


class PaperBus:
    """Takes events, request by request, but for those whose id it was told to refuse."""

    def __init__(self, *refused: str) -> None:
        self.refused = set(refused)
        self.requests: list[list[str]] = []
        self.events: list[Event] = []

    def put(self, events: Sequence[Event]) -> list[int]:
        ids = [json.loads(event["Detail"])["id"] for event in events]
        self.requests.append(ids)
        left = [index for index, told in enumerate(ids) if told in self.refused]
        self.events += [event for index, event in enumerate(events) if index not in left]
        return left

    @property
    def taken(self) -> list[str]:
        return [json.loads(event["Detail"])["id"] for event in self.events]


def entries(count: int = 4) -> tuple[Entry, ...]:
    """The first entries of a wallet's life."""
    book = Passbook()
    book.grant(1_000)
    book.redeem(400)
    held = book.hold(300)
    book.capture(held, 100)
    assert len(book.entries) >= count
    return book.entries[:count]


def record(wallet: WalletId, entry: Entry, name: str = "INSERT") -> dict[str, Any]:
    """A record as Lambda hands it over: JSON, so that bytes are base64."""
    item = entry_row(bind("wallets", "ledger"), wallet, entry).serialize()
    image = {name: {"B": b64encode(told["B"]).decode()} if "B" in told else told for name, told in item.items()}
    keys = {key: image[key] for key in ("wallet", "sequence")}
    change = {"Keys": keys, "NewImage": image, "SequenceNumber": f"{wallet}#{entry.sequence}"}
    return {"eventName": name, "dynamodb": change}


def batch(*told: tuple[WalletId, int], poison: tuple[WalletId, int] | None = None) -> dict[str, Any]:
    """Records of these wallets' entries, by sequence; one of them may be unreadable."""
    book = entries()
    records = [record(wallet, book[sequence - 1]) for wallet, sequence in told]
    for each, key in zip(records, told, strict=True):
        if key == poison:
            each["dynamodb"]["NewImage"]["type"] = {"S": "no such type"}
    return {"Records": records}


def reported(answer: dict[str, Any]) -> list[str]:
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


# The shape


def test_an_entry_is_told_as_the_staff_reads_it_with_the_wallet_just_after() -> None:
    book = Passbook()
    book.grant(1_000, note="for the staff", customer_text="for you")
    book.grant(500, effective_at=book.now + 86_400_000)
    book.hold(300)
    outlet = PaperBus()
    publish_batch({"Records": [record(ANNA, entry) for entry in book.entries]}, outlet)
    assert [event["DetailType"] for event in outlet.events] == ["credit.issued", "credit.issued", "credit.held"]
    assert {event["Source"] for event in outlet.events} == {"store-credit"}
    details = [json.loads(event["Detail"]) for event in outlet.events]
    for sequence, (detail, entry) in enumerate(zip(details, book.entries, strict=True), start=1):
        assert list(detail) == ["id", "customer", "currency", "sequence", "entry", "wallet"]
        assert (detail["id"], detail["customer"], detail["currency"]) == (f"anna/EUR/{sequence}", "anna", "EUR")
        assert detail["sequence"] == sequence
        assert detail["entry"] == presenter.entry_for_staff(entry)
    assert details[0]["entry"]["note"] == "for the staff"
    worth = book.balance
    assert details[-1]["wallet"] == {"available": worth.available, "pending": worth.pending, "held": worth.held}
    assert details[-1]["wallet"] == {"available": 700, "pending": 500, "held": 300}


def test_an_entry_about_many_lots_is_told_like_any_other() -> None:
    """Its lots are kept deflated, and bytes come as base64."""
    spent = Passbook()
    for _ in range(5):
        spent.grant(100, Kind.PROMOTION, Days(1))
    redemption = spent.redeem(500)
    spent.later(days=30)
    spent.reverse(redemption)
    restored = spent.entries[-1]
    assert len(restored.lots) == 5
    outlet = PaperBus()
    assert publish_batch({"Records": [record(ANNA, restored)]}, outlet) == {"batchItemFailures": []}
    assert json.loads(outlet.events[0]["Detail"])["entry"] == presenter.entry_for_staff(restored)


def test_bytes_that_cannot_be_inflated_are_reported(capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = record(ANNA, entries()[0]), record(ANNA, entries()[1])
    bad["dynamodb"]["NewImage"]["packed_lots"] = {"B": b64encode(b"no lots").decode()}
    answer = publish_batch({"Records": [good, bad]}, PaperBus())
    assert reported(answer) == [bad["dynamodb"]["SequenceNumber"]]
    assert "unreadable" in capsys.readouterr().out


def test_an_event_told_again_is_the_same_to_the_last_character() -> None:
    first, second = PaperBus(), PaperBus()
    told = batch((ANNA, 1), (ANNA, 2))
    publish_batch(told, first)
    publish_batch(told, second)
    assert first.events == second.events == [announcement(ANNA, entry) for entry in entries(2)]


def test_an_event_carries_the_time_of_its_entry() -> None:
    (entry,) = entries(1)
    event = announcement(ANNA, entry)
    assert event["Time"] == json.loads(event["Detail"])["entry"]["at"] == "2026-01-15T12:00:00Z"


# The order


def test_a_batch_that_was_taken_leaves_nothing_to_tell_again() -> None:
    outlet = PaperBus()
    assert reported(publish_batch(batch((ANNA, 1), (BEN, 1), (ANNA, 2)), outlet)) == []
    assert sorted(outlet.taken) == ["anna/EUR/1", "anna/EUR/2", "ben/EUR/1"]


def test_no_request_holds_two_entries_of_one_wallet() -> None:
    """A request may be taken in part: the later entry must not be in it while the earlier one can be left."""
    outlet = PaperBus()
    publish_batch(batch((ANNA, 1), (BEN, 1), (ANNA, 2), (CLEO, 1), (ANNA, 3)), outlet)
    assert outlet.requests == [["anna/EUR/1", "ben/EUR/1", "cleo/EUR/1"], ["anna/EUR/2"], ["anna/EUR/3"]]


def test_what_is_no_insertion_is_passed_over() -> None:
    first, second = entries(2)
    outlet = PaperBus()
    records = [record(ANNA, first, "MODIFY"), record(ANNA, first, "REMOVE"), record(ANNA, second)]
    del records[1]["dynamodb"]["NewImage"]
    assert reported(publish_batch({"Records": records}, outlet)) == []
    assert outlet.taken == ["anna/EUR/2"]


def test_a_batch_of_nothing_to_tell_does_not_trouble_the_bus() -> None:
    (entry,) = entries(1)
    outlet = PaperBus()
    assert reported(publish_batch({"Records": [record(ANNA, entry, "MODIFY")]}, outlet)) == []
    assert outlet.requests == []


# What is not taken


def test_the_first_record_that_is_not_taken_is_reported_and_its_wallet_goes_no_further() -> None:
    outlet = PaperBus("anna/EUR/2")
    answer = publish_batch(batch((ANNA, 1), (BEN, 1), (ANNA, 2), (BEN, 2), (ANNA, 3)), outlet)
    assert reported(answer) == ["anna/EUR#2"]
    assert outlet.taken == ["anna/EUR/1", "ben/EUR/1", "ben/EUR/2"]


def test_what_stands_before_the_record_that_is_not_taken_is_told_though_its_round_comes_later() -> None:
    outlet = PaperBus("ben/EUR/1")
    answer = publish_batch(batch((ANNA, 1), (ANNA, 2), (BEN, 1), (ANNA, 3)), outlet)
    assert reported(answer) == ["ben/EUR#1"]
    assert outlet.taken == ["anna/EUR/1", "anna/EUR/2"]


def test_of_several_that_are_not_taken_the_first_in_the_batch_is_reported() -> None:
    outlet = PaperBus("ben/EUR/1", "anna/EUR/2")
    answer = publish_batch(batch((CLEO, 1), (ANNA, 1), (ANNA, 2), (BEN, 1)), outlet)
    assert reported(answer) == ["anna/EUR#2"]


def test_an_unreadable_record_is_reported_and_what_stands_before_it_is_told() -> None:
    outlet = PaperBus()
    answer = publish_batch(batch((ANNA, 1), (BEN, 1), (ANNA, 2), poison=(BEN, 1)), outlet)
    assert reported(answer) == ["ben/EUR#1"]
    assert outlet.taken == ["anna/EUR/1"]


@pytest.mark.parametrize("image", [None, {}, [], {"wallet": {"S": "anna/EUR"}}], ids=str)
def test_an_image_that_is_no_entry_is_reported(image: Any) -> None:
    (entry,) = entries(1)
    poison = record(ANNA, entry)
    poison["dynamodb"]["NewImage"] = image
    assert_reported_and_not_told(poison)


@pytest.mark.parametrize(
    "member",
    [
        {"wallet": {"S": "nobody"}},
        {"wallet": {"N": "7"}},
        {"amount": {"N": "NaN"}},
        {"sequence": {"N": "one"}},
        {"allocations": {"S": "{"}},
        {"allocations": {"S": "[[1]]"}},
        {"lots": {"S": '[["1","??"]]'}},
        {"at": {"NULL": True}},
    ],
    ids=str,
)
def test_an_entry_with_something_wrong_in_it_is_reported(member: dict[str, Any]) -> None:
    (entry,) = entries(1)
    poison = record(ANNA, entry)
    poison["dynamodb"]["NewImage"] |= member
    assert_reported_and_not_told(poison)


def assert_reported_and_not_told(poison: dict[str, Any]) -> None:
    outlet = PaperBus()
    assert reported(publish_batch({"Records": [poison]}, outlet)) == ["anna/EUR#1"]
    assert outlet.requests == []


@pytest.mark.parametrize("poison", [None, (ANNA, 1)], ids=["not taken", "unreadable"])
def test_a_batch_whose_first_record_is_stuck_fails_as_a_whole_so_that_it_is_halved(
    poison: tuple[WalletId, int] | None,
) -> None:
    """Reported, it would be told again in one piece, and its neighbours would go to the dead letters with it."""
    outlet = PaperBus("anna/EUR/1")
    with pytest.raises(BatchBlocked):
        publish_batch(batch((ANNA, 1), (BEN, 1), poison=poison), outlet)
    assert reported(publish_batch(batch((ANNA, 1), poison=poison), outlet)) == ["anna/EUR#1"]


def lambda_tells(records: list[dict[str, Any]], outlet: PaperBus, attempts: int = 3) -> list[str]:
    """What Lambda's poller does with a stream and our function; the sequence numbers that become dead letters."""
    dead: list[str] = []
    waiting = [(records, attempts)]
    while waiting:
        batch_, left = waiting.pop(0)
        try:
            failures = reported(publish_batch({"Records": batch_}, outlet))
        except BatchBlocked:
            half = len(batch_) // 2
            waiting[:0] = [(batch_[:half], left), (batch_[half:], left)]
            continue
        if failures:
            places = [each["dynamodb"]["SequenceNumber"] for each in batch_]
            rest = batch_[places.index(failures[0]) :]
            if left > 1:
                waiting.insert(0, (rest, left - 1 if len(rest) == len(batch_) else left))
            else:
                dead += [each["dynamodb"]["SequenceNumber"] for each in rest]
    return dead


@pytest.mark.parametrize("stuck", [(ANNA, 1), (BEN, 1), (ANNA, 3), (CLEO, 2)], ids=str)
@pytest.mark.parametrize("unreadable", [True, False], ids=["unreadable", "not taken"])
def test_a_record_that_cannot_be_published_blocks_nothing_for_ever_and_takes_nothing_with_it(
    stuck: tuple[WalletId, int], unreadable: bool
) -> None:
    told = [(ANNA, 1), (BEN, 1), (ANNA, 2), (CLEO, 1), (ANNA, 3), (BEN, 2), (CLEO, 2), (ANNA, 4)]
    name = f"{stuck[0]}/{stuck[1]}"
    outlet = PaperBus() if unreadable else PaperBus(name)
    dead = lambda_tells(batch(*told, poison=stuck if unreadable else None)["Records"], outlet)
    assert dead == [f"{stuck[0]}#{stuck[1]}"]
    assert set(outlet.taken) == {f"{wallet}/{sequence}" for wallet, sequence in told} - {name}
    for wallet in (ANNA, BEN, CLEO):
        first_told = list(dict.fromkeys(each for each in outlet.taken if each.startswith(f"{wallet}/")))
        assert first_told == sorted(first_told)


def test_the_line_names_the_entry_that_is_stuck(capsys: pytest.CaptureFixture[str]) -> None:
    publish_batch(batch((BEN, 1), (ANNA, 1)), PaperBus("anna/EUR/1"))
    line = json.loads(capsys.readouterr().out)
    assert (line["Operation"], line["Outcome"], line["reason"]) == ("publish", "blocked", "not_taken")
    assert (line["Published"], line["PublishFailed"]) == (1, 1)
    assert (line["customer"], line["currency"], line["sequence"]) == ("anna", "EUR", "1")
    assert line["stream_sequence_number"] == "anna/EUR#1"


def test_the_line_of_a_good_batch_counts_it(capsys: pytest.CaptureFixture[str]) -> None:
    publish_batch(batch((BEN, 1), (ANNA, 1)), PaperBus())
    line = json.loads(capsys.readouterr().out)
    assert (line["Outcome"], line["Published"], line["PublishFailed"]) == ("ok", 2, 0)


# The replayer


class PaperLedger:
    """Entries 1 to 12 of every wallet; it may stop answering at one of them."""

    def __init__(self, count: int = 12) -> None:
        (entry,) = entries(1)
        self.entries = [entry.__class__(**{**_fields(entry), "sequence": each + 1}) for each in range(count)]
        self.ends_at: int | None = None

    @property
    def store(self) -> PaperLedger:
        return self

    def entries_between(self, wallet_id: WalletId, first: int, last: int) -> Iterator[Entry]:
        for entry in self.entries:
            if entry.sequence == self.ends_at:
                raise Unread("no answer")
            if first <= entry.sequence <= last:
                yield entry


def _fields(entry: Entry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in entry.__slots__}


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> PaperLedger:
    paper = PaperLedger()
    monkeypatch.setattr("chalicelib.wiring.engine", lambda: paper)
    return paper


def wanted(first: int, last: int) -> dict[str, Any]:
    return {"customer": "anna", "currency": "EUR", "from": first, "to": last}


def ids(first: int, last: int) -> list[str]:
    return [f"anna/EUR/{sequence}" for sequence in range(first, last + 1)]


def test_a_range_is_told_again_both_ends_included_one_after_another(ledger: PaperLedger) -> None:
    outlet = PaperBus()
    assert replay_range(wanted(3, 7), outlet) == {"published": 5, "next": None}
    assert outlet.requests == [[each] for each in ids(3, 7)]


def test_what_is_told_again_is_what_the_stream_told(ledger: PaperLedger) -> None:
    told, again = PaperBus(), PaperBus()
    publish_batch({"Records": [record(ANNA, entry) for entry in ledger.entries]}, told)
    replay_range(wanted(1, 12), again)
    assert again.events == told.events


def test_a_range_beyond_the_ledger_ends_with_it(ledger: PaperLedger) -> None:
    assert replay_range(wanted(11, 10**15), PaperBus()) == {"published": 2, "next": None}
    assert replay_range(wanted(13, 20), PaperBus()) == {"published": 0, "next": None}


def test_one_call_is_bounded_and_says_where_to_go_on(ledger: PaperLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "REPLAY_ENTRIES", 5)
    outlet = PaperBus()
    first: int | None = 1
    answers = []
    while first is not None:
        answers.append(replay_range(wanted(first, 10), outlet))
        first = answers[-1]["next"]
    assert answers == [{"published": 5, "next": 6}, {"published": 5, "next": None}]
    assert outlet.taken == ids(1, 10)


def test_a_call_whose_time_is_over_begins_no_other_entry(ledger: PaperLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "REPLAY_SECONDS", 0.0)
    assert replay_range(wanted(4, 10), PaperBus()) == {"published": 0, "next": 4}


def test_what_the_bus_does_not_take_is_where_to_go_on(ledger: PaperLedger) -> None:
    outlet = PaperBus("anna/EUR/3")
    told = {"published": 2, "next": 3, "error": "the bus did not take it"}
    assert replay_range(wanted(1, 5), outlet) == told
    assert outlet.taken == ids(1, 2)


def test_a_ledger_that_does_not_answer_loses_no_place(ledger: PaperLedger) -> None:
    ledger.ends_at = 4
    told = {"published": 2, "next": 4, "error": "the ledger could not be read"}
    assert replay_range(wanted(2, 9), PaperBus()) == told


@pytest.mark.parametrize(
    ("asked", "about"),
    [
        (None, "the event"),
        ([], "the event"),
        ({}, "customer"),
        (wanted(1, 2) | {"customer": "a b"}, "customer"),
        (wanted(1, 2) | {"currency": "euro"}, "currency"),
        (wanted(0, 2), "from"),
        (wanted(1, 10**40), "to"),
        (wanted(1, 2) | {"from": "1"}, "from"),
        (wanted(1, 2) | {"from": True}, "from"),
        (wanted(1, 2) | {"to": 2.5}, "to"),
        (wanted(1, 2) | {"also": 1}, "also"),
        (wanted(5, 4), "from: is after to"),
    ],
    ids=str,
)
def test_what_makes_no_sense_gets_a_clear_answer(ledger: PaperLedger, asked: Any, about: str) -> None:
    outlet = PaperBus()
    answer = replay_range(asked, outlet)
    assert (answer["published"], answer["next"]) == (0, None)
    assert about in answer["error"]
    assert outlet.requests == []


def test_a_replay_ends_before_its_function_is_cut_off(every_stage: Callable[[str], list[int]]) -> None:
    longest = publishing.REPLAY_SECONDS + bus.LONGEST_REQUEST_SECONDS
    assert all(longest < seconds for seconds in every_stage("replay"))


@pytest.fixture
def every_stage() -> Callable[[str], list[int]]:
    """A function's timeout (seconds) in each stage."""
    stages = json.loads((ROOT / ".chalice" / "config.json").read_text())["stages"].values()
    return lambda name: [stage["lambda_functions"][name]["lambda_timeout"] for stage in stages]
