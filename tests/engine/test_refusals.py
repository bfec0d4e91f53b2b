"""`Refused` is told when it is sure: the key did not do it before, and nothing that was sent may still do it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from botocore.awsrequest import AWSResponse

from chalicelib.ledger.refusals import InsufficientCredit
from chalicelib.store.connections import READ_RETRIES
from chalicelib.store.signals import OutcomeUnknown
from tests.engine.movements import one_effect, redeem
from tests.engine.till import Till, new_key, new_wallet
from tests.engine.trouble import lost_request
from tests.engine.weather import DONE_UNHEARD, faults
from tests.engine.wire import COMMIT, READ, Fault, Request, Wire


@faults(DONE_UNHEARD)
@pytest.mark.parametrize("later", [False, True], ids=["same call", "later call"])
def test_a_redemption_that_emptied_the_wallet_is_never_told_refused(
    hasty: Till, wire: Wire, fault: Callable[[], Fault], later: bool
) -> None:
    asked, key = redeem(hasty), new_key()
    wire.on(COMMIT, fault())
    if later:
        wire.on(READ, lost_request(), times=None, where=lambda _: wire.count(*COMMIT) > commits)
        commits = wire.count(*COMMIT)
        with pytest.raises(OutcomeUnknown):
            asked.send(key=key)
        wire.mend()
    receipt = asked.send(key=key)
    assert receipt.replayed
    one_effect(hasty, asked, receipt.operation)


def test_a_refusal_is_not_told_before_the_key_was_read(hasty: Till, wire: Wire) -> None:
    asked, key = redeem(hasty), new_key()
    done = asked.send(key=key)
    wire.on(READ, lost_request(), times=None, where=lambda request: request.asks_for_operation)
    with pytest.raises(OutcomeUnknown):
        asked.send(key=key)
    wire.mend()
    assert asked.send(key=key).answer.body == done.answer.body


def test_a_refusal_is_told_once_the_key_is_read(hasty: Till, wire: Wire) -> None:
    wallet = new_wallet()
    hasty.issue(wallet, 100)
    wire.on(READ, lost_request(), times=1 + READ_RETRIES, where=lambda request: request.asks_for_operation)
    with pytest.raises(InsufficientCredit):
        hasty.redeem(wallet, 200)
    assert hasty.check(wallet).version == 1


def test_done_before_but_unreadable_is_unknown_and_not_busy(hasty: Till, wire: Wire) -> None:
    asked, key = redeem(hasty), new_key()

    def quicker(request: Request) -> AWSResponse | None:
        asked.send(key=key)
        wire.on(READ, lost_request(), times=None, where=lambda request: request.asks_for_operation)
        return None

    wire.on(COMMIT, quicker)
    with pytest.raises(OutcomeUnknown):
        asked.send(key=key)
    wire.mend()
    receipt = asked.send(key=key)
    assert receipt.replayed
    one_effect(hasty, asked, receipt.operation)
