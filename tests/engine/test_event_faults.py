"""Faults between a queue and the ledger: whatever breaks, every event has one effect, and none is lost."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ReadTimeoutError

from chalicelib.store.tables import order_key
from tests.engine.counter import EVENTS, Counter, Said, new_name, order_paid, refund, refund_to_credit
from tests.engine.crowd import at_once
from tests.engine.post import Notes, Post, event, refunded
from tests.engine.till import new_wallet
from tests.engine.trouble import error, lost_answer, lost_request, throttled
from tests.engine.weather import DONE_UNHEARD, NOT_DONE_KNOWN, NOT_DONE_UNKNOWN, READ_FAULTS, faults
from tests.engine.wire import COMMIT, READ, Fault, Request, Wire

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

every_event = pytest.mark.parametrize("about", EVENTS, ids=lambda about: about.__name__)
About = Callable[[Counter], Said]


class Killed(BaseException):
    """The process is gone."""


def killed_before(request: Request) -> AWSResponse:
    raise Killed


def killed_after(request: Request) -> AWSResponse:
    request.send()
    raise Killed


# Done, and nobody heard


@every_event
def test_answer_lost_after_the_commit_once(counter: Counter, wire: Wire, about: About) -> None:
    said = about(counter)
    wire.on(COMMIT, lost_answer())
    assert counter.post.deliver(said.body) == []
    counter.one_effect(said)


@every_event
def test_answer_lost_after_the_commit_on_every_attempt(counter: Counter, wire: Wire, about: About) -> None:
    """Where the wallet moved, that it moved tells; where it did not, the message comes again and is found done."""
    said = about(counter)
    wire.on(COMMIT, lost_answer(), times=None)
    assert counter.post.deliver(said.body) == ([] if said.entries else [0])
    wire.mend()
    counter.one_effect(said)


@every_event
def test_nothing_is_heard_any_more_after_the_commit_so_the_message_comes_again(
    counter: Counter, wire: Wire, about: About
) -> None:
    said = about(counter)
    commits = wire.count(*COMMIT)
    wire.on(COMMIT, lost_answer(), times=None)
    wire.on(READ, lost_request(), times=None, where=lambda _: wire.count(*COMMIT) > commits)
    assert counter.post.deliver(said.body) == [0]
    wire.mend()
    assert counter.post.deliver(said.body, receives=2) == []
    counter.one_effect(said)


@faults(DONE_UNHEARD)
def test_500_after_the_commit_and_its_like(counter: Counter, wire: Wire, fault: Callable[[], Fault]) -> None:
    said = refund(counter)
    wire.on(COMMIT, fault())
    assert counter.post.deliver(said.body) == []
    counter.one_effect(said)


@every_event
def test_killed_between_commit_and_acknowledgement(counter: Counter, wire: Wire, about: About) -> None:
    said = about(counter)
    wire.on(COMMIT, killed_after)
    with pytest.raises(Killed):
        counter.post.deliver(said.body)
    assert counter.post.deliver(said.body, receives=2) == []
    counter.one_effect(said)


@pytest.mark.parametrize("kill", [killed_before, killed_after])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_killed_in_the_middle_of_a_batch(counter: Counter, wire: Wire, kill: Fault, place: int) -> None:
    sale = counter.sold()
    batch = [event("refund.created", refunded(sale.wallet, sale.order, 1000)) for _ in range(3)]
    began = wire.count(*COMMIT)
    wire.on(COMMIT, kill, where=lambda _: wire.count(*COMMIT) == began + place + 1)
    with pytest.raises(Killed):
        counter.post.deliver(*batch)
    assert counter.post.deliver(*batch, receives=2) == []
    assert counter.remaining(sale.wallet) == 1200
    assert counter.till.engine.store.order(sale.order).refunded == 3000  # type: ignore[union-attr]


# Not done


@every_event
def test_request_never_arrives_once(counter: Counter, wire: Wire, about: About) -> None:
    said = about(counter)
    wire.on(COMMIT, lost_request())
    assert counter.post.deliver(said.body) == []
    counter.one_effect(said)


@every_event
def test_request_never_arrives_at_all_so_the_message_comes_again(counter: Counter, wire: Wire, about: About) -> None:
    said = about(counter)
    wire.on(COMMIT, lost_request(), times=None)
    assert counter.post.deliver(said.body) == [0]
    wire.mend()
    counter.no_effect(said)
    assert counter.post.deliver(said.body, receives=2) == []
    counter.one_effect(said)


@faults({**NOT_DONE_UNKNOWN, **NOT_DONE_KNOWN})
def test_500_before_the_commit_conflicts_and_throttles_once(
    counter: Counter, wire: Wire, fault: Callable[[], Fault]
) -> None:
    said = refund_to_credit(counter)
    wire.on(COMMIT, fault())
    assert counter.post.deliver(said.body) == []
    counter.one_effect(said)


@every_event
def test_throttled_for_ever_the_message_comes_again_and_is_left_alone_for_a_while(
    counter: Counter, wire: Wire, about: About
) -> None:
    said = about(counter)
    wire.on(COMMIT, throttled(), times=None)
    assert counter.post.deliver(said.body, receives=3) == [0]
    assert counter.post.queue.hidden[-1] == 8
    wire.mend()
    counter.no_effect(said)
    assert counter.post.deliver(said.body, receives=4) == []
    counter.one_effect(said)


@pytest.mark.parametrize("kind", ["500", "throttled", "connection closed"])
def test_what_is_known_of_a_batch_cannot_be_read_so_all_of_it_comes_again(
    counter: Counter, wire: Wire, kind: str
) -> None:
    said, other = refund(counter), order_paid(counter)
    wire.on(READ, READ_FAULTS[kind](), times=None)
    assert counter.post.deliver(said.body, other.body) == [0, 1]
    wire.mend()
    assert counter.post.deliver(said.body, other.body, receives=2) == []
    counter.one_effect(said)
    counter.one_effect(other)


def test_what_the_order_did_cannot_be_read_so_the_message_comes_again(counter: Counter, wire: Wire) -> None:
    said = refund(counter)
    wire.on(("Query",), throttled("ProvisionedThroughputExceededException"), times=None)
    assert counter.post.deliver(said.body) == [0]
    wire.mend()
    counter.no_effect(said)
    assert counter.post.deliver(said.body, receives=2) == []
    counter.one_effect(said)


def test_200_ms_left_nothing_is_begun_and_all_comes_again(counter: Counter, wire: Wire) -> None:
    said, other = refund(counter), refund(counter)
    hurried = Post(counter.till.engine, seconds=0.2)
    with wire.listen() as heard:
        assert hurried.deliver(said.body, other.body) == [0, 1]
    assert not [request for request in heard if request.operation in COMMIT]
    assert counter.post.deliver(said.body, other.body, receives=2) == []
    counter.one_effect(said)
    counter.one_effect(other)


# Beside others


@every_event
def test_the_same_message_to_two_workers_at_once(busy_counter: Counter, about: About) -> None:
    said = about(busy_counter)
    workers = [Post(busy_counter.till.engine) for _ in range(2)]
    assert at_once(partial(worker.deliver, said.body) for worker in workers) == [[], []]
    busy_counter.one_effect(said)


def test_a_defect_that_one_message_meets_does_not_hold_up_its_batch(
    counter: Counter, wire: Wire, capsys: pytest.CaptureFixture[str]
) -> None:
    said, other = refund(counter), refund(counter)
    wire.on(COMMIT, error(400, "ValidationException"), where=lambda request: said.wallet.customer in str(request.body))
    assert counter.post.deliver(said.body, other.body) == [0]
    counter.one_effect(other)
    assert counter.post.deliver(said.body, receives=2) == []
    counter.one_effect(said)


@pytest.mark.parametrize("what", ["wallet", "order"])
def test_newer_schema_read_by_older_code_is_left_alone_and_comes_again(
    counter: Counter, plain: DynamoDBClient, what: str
) -> None:
    sale = counter.sold()
    said = counter.say(sale, "refund.created", refunded(sale.wallet, sale.order, 1500), 600, "restored")
    pk, sk = (sale.wallet.customer, sale.wallet.currency) if what == "wallet" else order_key(sale.order)
    table = counter.till.engine.store.tables.wallets_name
    key: Any = {"pk": {"S": pk}, "sk": {"S": sk}}
    schema = plain.get_item(TableName=table, Key=key)["Item"]["schema"]
    written = {"TableName": table, "Key": key, "UpdateExpression": "SET #s = :s"}
    names: Any = {"#s": "schema"}
    plain.update_item(**written, ExpressionAttributeNames=names, ExpressionAttributeValues={":s": {"N": "999"}})
    assert counter.post.deliver(said.body) == [0]
    assert counter.post.queue.hidden == [2]
    plain.update_item(**written, ExpressionAttributeNames=names, ExpressionAttributeValues={":s": schema})
    assert counter.post.deliver(said.body, receives=2) == []
    counter.one_effect(said)


# Trouble with what is noted of a message


def early(counter: Counter) -> tuple[str, str]:
    """A refund whose order has not come."""
    name = new_name()
    return name, event("refund.created", refunded(new_wallet(), new_name("order"), 100), name)


@pytest.mark.parametrize("fault", [throttled, lost_request, lost_answer])
def test_that_a_message_waits_cannot_be_noted_and_it_waits_all_the_same(
    counter: Counter, wire: Wire, fault: Callable[[], Fault]
) -> None:
    name, body = early(counter)
    wire.on(COMMIT, fault())
    assert counter.post.deliver(body) == [0]
    assert counter.post.deliver(body, receives=2) == [0]
    assert counter.post.fate(name)["status"] == "parked"


@pytest.mark.parametrize("fault", [throttled, lost_request, lost_answer])
def test_a_rejection_that_cannot_be_kept_is_kept_the_next_time_and_once(
    counter: Counter, wire: Wire, fault: Callable[[], Fault]
) -> None:
    sale, name = counter.sold(), new_name()
    body = event("refund.created", refunded(sale.wallet, sale.order, 3001), name)
    wire.on(COMMIT, fault(), where=lambda request: "#rejected" in str(request.body))
    assert counter.post.deliver(body) == [0]
    assert counter.post.dead_letters.copies == []
    assert counter.post.deliver(body, receives=2) == []
    told = counter.post.fate(name)
    assert (told["status"], told["code"]) == ("rejected", "over_refund")
    page, _ = counter.post.inbox.rejections(None, 250)
    assert [row.sk for row in page if row.event == name] == [told["rejection"]]
    assert len(counter.post.dead_letters.copies) == 1


class Deaf(Notes):
    """Dead letters that cannot be reached."""

    def copy(self, body: str, attributes: dict[str, str]) -> None:
        raise ReadTimeoutError(endpoint_url="https://queue", error="read timed out")


def test_a_rejected_message_whose_copy_fails_comes_again_and_stays_one_rejection(counter: Counter) -> None:
    name = new_name()
    body = event("order.eaten", {}, name)
    reachable, counter.post.dead_letters = counter.post.dead_letters, Deaf()
    assert counter.post.deliver(body) == [0]
    first = counter.post.fate(name)["rejection"]
    counter.post.dead_letters = reachable
    assert counter.post.deliver(body, receives=2) == []
    assert counter.post.fate(name)["rejection"] == first
    assert [attributes["rejection"] for _, attributes in reachable.copies] == [first]
