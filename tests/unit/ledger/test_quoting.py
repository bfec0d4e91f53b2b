"""What a wallet would give to an order, and what a wallet looks like: nothing is changed by looking."""

from __future__ import annotations

from chalicelib.ledger.cart import Cart
from chalicelib.ledger.conditions import Conditions
from chalicelib.ledger.limits import HOUR_MS
from chalicelib.ledger.lots import Kind
from chalicelib.ledger.policy import At
from chalicelib.ledger.quoting import Expiring, view
from tests.passbook import POLICY, Passbook


def test_a_quote_says_what_is_there_and_what_this_order_may_use() -> None:
    anna = Passbook()
    anna.grant(300, conditions=Conditions(max_share_of_order=5_000))
    anna.grant(1000, Kind.PURCHASED)
    quote = anna.quote(Cart(None, total=500))
    assert (quote.available, quote.applicable, quote.suggested) == (1300, 500, 500)
    assert [share.amount for share in quote.shares] == [250, 250]


def test_a_quote_tells_lot_by_lot_why_it_does_not_apply() -> None:
    anna = Passbook()
    anna.grant(10, effective_at=anna.now + 1, priority=1)
    anna.grant(10, priority=2)
    anna.hold(10)
    anna.grant(10, priority=3, conditions=Conditions(min_order=900))
    anna.grant(100, priority=4, conditions=Conditions(max_per_order=30))
    anna.grant(100, priority=5)
    shares = anna.quote(Cart(None, total=100)).shares
    assert [(share.amount, share.reasons) for share in shares] == [
        (0, ("not_yet_effective",)),
        (0, ("held",)),
        (0, ("min_order",)),
        (30, ("max_per_order",)),
        (70, ("order_covered",)),
    ]


def test_a_lot_that_died_under_its_hold_is_quoted_as_expired() -> None:
    anna = Passbook()
    anna.grant(10, expires=At(anna.now + HOUR_MS))
    anna.hold(10, minutes=180)
    (share,) = anna.later(hours=1).quote(Cart(None, total=100)).shares
    assert (share.amount, share.reasons) == (0, ("expired",))


def test_an_order_of_unknown_size_can_use_all() -> None:
    anna = Passbook()
    anna.grant(300)
    assert anna.quote(Cart(None)).applicable == 300


def test_a_frozen_wallet_gives_nothing_and_says_why() -> None:
    anna = Passbook()
    anna.grant(300)
    anna.freeze()
    quote = anna.quote(Cart(None, total=100))
    assert (quote.available, quote.applicable) == (300, 0)
    assert [share.reasons for share in quote.shares] == [("wallet_frozen",)]


def test_an_empty_wallet_has_an_empty_quote() -> None:
    quote = Passbook().quote(Cart(None, total=100))
    assert (quote.available, quote.applicable, quote.shares, quote.expiring) == (0, 0, (), ())


def test_what_expires_soon_is_told_soonest_first_and_together_where_it_ends_together() -> None:
    anna = Passbook()
    soon, late = anna.now + HOUR_MS, anna.now + 2 * HOUR_MS
    for amount, end in ((5, late), (10, soon), (20, late)):
        anna.grant(amount, expires=At(end))
    anna.grant(7, Kind.PURCHASED)
    anna.grant(9, expires=At(soon), effective_at=anna.now + 1)
    anna.hold(3)
    assert anna.quote(Cart(None)).expiring == (Expiring(soon, 7), Expiring(late, 25))


def test_looking_changes_nothing() -> None:
    anna = Passbook()
    anna.grant(300, expires=At(anna.now + HOUR_MS))
    anna.hold(100)
    before = anna.wallet
    anna.later(days=1)
    assert anna.available == 0 or anna.balance.available == 100
    anna.quote(Cart(None, total=100))
    assert anna.wallet == before


def test_a_wallet_looks_the_same_before_and_after_its_sweep_but_for_the_version() -> None:
    anna = Passbook()
    anna.grant(300, expires=At(anna.now + HOUR_MS))
    anna.grant(200)
    anna.hold(100)
    anna.later(days=1)
    before, _ = view(anna.wallet, anna.now, POLICY)
    anna.sweep()
    after, _ = view(anna.wallet, anna.now, POLICY)
    assert (before.lots, before.holds) == (after.lots, after.holds)


def test_a_view_has_the_version_that_is_stored() -> None:
    anna = Passbook()
    anna.grant(300, expires=At(anna.now + HOUR_MS))
    anna.later(hours=1)
    assert view(anna.wallet, anna.now, POLICY)[0].version == anna.wallet.version == 1
    assert anna.balance.version == 1


def test_a_wallet_is_not_seen_at_a_time_before_its_last_entry() -> None:
    anna = Passbook()
    anna.grant(300)
    assert view(anna.wallet, anna.now - 1000, POLICY)[1] == anna.now
