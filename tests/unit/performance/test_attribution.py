"""What entries mean for campaigns, told by the ledger itself."""

from __future__ import annotations

import random
from collections.abc import Mapping

import pytest

from chalicelib.ledger import merging
from chalicelib.ledger.lots import Kind, Source
from chalicelib.ledger.model import Entry, Wallet
from chalicelib.ledger.plans import Act
from chalicelib.ledger.policy import Days
from chalicelib.performance import attribution
from chalicelib.performance.attribution import outstanding
from chalicelib.performance.model import Followed
from tests.passbook import POLICY, Passbook
from tests.unit.performance.life import SPRING, SUMMER, Life, of

LIVES = 16
STEPS = 40


def followed(entries: tuple[Entry, ...]) -> tuple[Followed, dict[str, dict[str, int]]]:
    """The lots of campaigns after these entries, and each campaign's counters."""
    state, sums = Followed(), dict[str, dict[str, int]]()
    for entry in entries:
        meaning = attribution.meaning_of(entry, state)
        state = meaning.followed
        for campaign, counts in meaning.counts.items():
            into = sums.setdefault(campaign, {})
            for name, number in counts.items():
                into[name] = into.get(name, 0) + number
    return state, sums


def of_order(order: str) -> Source:
    return Source("order", order)


def counts(book: Passbook, campaign: str = SPRING) -> Mapping[str, int]:
    return followed(book.entries)[1].get(campaign, {})


@pytest.mark.parametrize("number", range(LIVES))
def test_whatever_happens_to_a_wallet_what_is_outstanding_is_what_remains_in_the_campaigns_lots(number: int) -> None:
    life = Life(random.Random(number)).run(STEPS)
    state, sums = followed(life.entries)
    assert {name: outstanding(told) for name, told in sums.items() if outstanding(told)} == dict(life.remaining())
    mine = {lot.id: lot.remaining for lot in life.wallet.lots if attribution.campaign_of(lot.source)}
    assert {lot: tracked.remaining for lot, tracked in state.lots.items()} == mine


def test_lives_see_every_figure() -> None:
    seen: set[str] = set()
    for seed in range(LIVES):
        for told in followed(Life(random.Random(seed)).run(STEPS).entries)[1].values():
            seen |= told.keys()
    seldom = {attribution.MOVED, attribution.DEBT_SETTLED, attribution.RETURNED}
    assert attribution.SIGN.keys() - seldom <= seen


def test_a_grant_counts_for_the_campaign_that_its_source_names() -> None:
    book = Passbook()
    book.grant(500, source=of(SPRING))
    book.grant(300, source=of(SUMMER))
    book.grant(200)
    assert counts(book) == {"issued": 500, "issues": 1}
    assert counts(book, SUMMER) == {"issued": 300, "issues": 1}


def test_a_redemption_over_several_lots_of_a_campaign_is_one() -> None:
    book = Passbook()
    book.grant(500, source=of(SPRING))
    book.grant(300, source=of(SPRING))
    book.later(days=3)
    book.redeem(700)
    told = counts(book)
    assert (told["redemptions"], told["redeemed"], told["day_3"]) == (1, 700, 2)


def test_a_hold_moves_nothing_until_it_is_captured() -> None:
    book = Passbook()
    book.grant(500, source=of(SPRING))
    hold = book.hold(400)
    assert "redeemed" not in counts(book)
    book.capture(hold, 100)
    assert counts(book)["redeemed"] == 100
    assert outstanding(counts(book)) == 400


def test_credit_that_a_lapsed_hold_brings_back_stays_with_its_campaign() -> None:
    book = Passbook()
    book.grant(500, source=of(SPRING), expires=Days(1))
    book.hold(400, minutes=5 * 24 * 60)
    book.later(days=5)
    book.sweep()
    told = counts(book)
    assert (told["expired"], outstanding(told)) == (100, 400)
    book.later(hours=1)
    book.redeem(400)
    assert outstanding(counts(book)) == 0


def test_what_comes_back_of_a_dead_lot_is_outstanding_again_and_no_new_day() -> None:
    book = Passbook()
    book.grant(500, source=of(SPRING), expires=Days(1))
    spent = book.redeem(500)
    book.later(days=40)
    book.reverse(spent)
    book.redeem(200, "order-2")
    told = counts(book)
    assert (told["given_back"], told["redeemed"], told["redemptions"], outstanding(told)) == (500, 700, 2, 300)
    assert {name: number for name, number in told.items() if name.startswith("day_")} == {"day_0": 1}


def test_credit_that_joins_a_lot_counts_where_that_lot_was_granted_first() -> None:
    book = Passbook()
    book.grant(500, Kind.LOYALTY, Days(90), source=of(SPRING))
    book.grant(300, Kind.LOYALTY, Days(90), source=of(SUMMER))
    assert len(book.wallet.lots) == 1
    assert (counts(book)["issued"], counts(book, SUMMER)) == (800, {})
    assert attribution.meaning_of(book.entries[1], followed(book.entries[:1])[0]).joined == SUMMER


def test_debt_that_a_campaigns_credit_pays_is_told_as_such() -> None:
    book = Passbook()
    book.pays("earner")
    book.grant(400, Kind.CASHBACK, source=of_order("earner"))
    book.redeem(400, "spender")
    book.refund(3000, "earner")
    book.grant(500, source=of(SUMMER))
    assert counts(book, SUMMER) == {"issued": 500, "issues": 1, "debt_settled": 400}


def test_what_a_refund_took_back_comes_back_when_it_is_undone() -> None:
    book = Passbook()
    book.pays("earner")
    book.grant(400, Kind.CASHBACK, source=of_order("earner"))
    book.redeem(400, "spender")
    book.grant(500, source=of(SPRING))
    refund = book.refund(3000, "earner")
    assert counts(book) == {"issued": 500, "issues": 1, "clawed_back": 400}
    book.reverse_refund(refund, "earner")
    assert counts(book) == {"issued": 500, "issues": 1, "clawed_back": 400, "returned": 400}
    assert outstanding(counts(book)) == 500


def test_credit_that_moves_to_the_same_persons_other_wallet_is_issued_once() -> None:
    book = Passbook()
    book.grant(500, source=of(SPRING))
    moved = merging.merge(book.wallet, Wallet("ben", "EUR"), Act("op", "tester", book.now), POLICY)
    gone = followed(book.entries + moved.source.entries)[1][SPRING]
    come = followed(moved.target.entries)[1][SPRING]
    assert (outstanding(gone), outstanding(come)) == (0, 500)
    assert (gone["issued"], gone["moved"], come) == (500, -500, {"moved": 500})


def test_a_pending_grant_makes_a_recipient_from_when_it_can_be_used() -> None:
    book = Passbook()
    book.grant(500, source=of(SPRING), effective_at=book.now + 86_400_000)
    meaning = attribution.meaning_of(book.entries[0], Followed())
    assert (meaning.joined, meaning.since) == (SPRING, book.now + 86_400_000)
