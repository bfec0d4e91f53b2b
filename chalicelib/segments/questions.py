"""The question that one leaf asks of a profile, made once under the facts of the moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chalicelib.customers.days import day_of
from chalicelib.customers.profile import Profile
from chalicelib.ledger.model import Wallet, balance
from chalicelib.segments import values
from chalicelib.segments.comparing import (
    COMPARED,
    Answer,
    Test,
    attribute_test,
    number_test,
    plain_test,
    traces_exist,
    traces_test,
    words_test,
)
from chalicelib.segments.facts import Facts
from chalicelib.segments.fields import FIELDS, WALLET_FIELDS, Shape
from chalicelib.segments.where import Leaf

WalletOf = Callable[[str], Wallet | None]
"""Of a currency the customer's wallet in it: empty where there is none; None where it was not read."""
Asked = Callable[[Profile, WalletOf], Answer]

_ZERO_IS_NOTHING = frozenset(
    {
        "orders.count",
        "orders.total",
        "email.opens",
        "email.clicks",
        "email.engagements",
        "wallet.available",
        "wallet.redemptions",
        "wallet.lifetime_issued",
    }
)
"""Fields that are always known, and exist when they are more than nothing."""
_NUMBERS: dict[str, Callable[[Leaf, Facts], values.Reader]] = {
    "orders.count": values.counted,
    "orders.total": values.counted,
    "orders.average": values.counted,
    "email.opens": values.emails,
    "email.clicks": values.emails,
    "email.engagements": values.emails,
    "birthday": values.birthday,
    "profile.age": values.age,
    "wallet.redemptions": values.wallet_figure,
    "wallet.lifetime_issued": values.wallet_figure,
}


def question(leaf: Leaf, facts: Facts) -> Asked:
    """What a leaf asks: True, False, or None where that is not known of the customer."""
    if leaf.field in WALLET_FIELDS:
        return _wallet_leaf(leaf, facts)
    match FIELDS[leaf.field].shape:
        case Shape.WORDS:
            return _words_leaf(leaf, facts)
        case Shape.PERCENTILE:
            return _percentile_leaf(leaf, facts)
        case Shape.DAY:
            return _day_leaf(leaf, facts)
        case Shape.ATTRIBUTE:
            assert leaf.of is not None
            read = values.attribute(leaf.of)
            return _of_value(read, _existence(leaf) or attribute_test(leaf.op, leaf.value))
    if leaf.field in _NUMBERS:
        return _of_value(_NUMBERS[leaf.field](leaf, facts), _ahead(leaf, _existence(leaf) or _number(leaf)))
    read = values.abandoned(leaf, facts) if leaf.field == "checkout.abandoned" else values.SIMPLE[leaf.field]
    if leaf.field == "checkout.abandoned" and leaf.op == "exists":
        return _of_value(read, plain_test("=", leaf.value))
    return _of_value(read, _existence(leaf) or plain_test(leaf.op, leaf.value))


def _of_value(read: values.Reader, test: Test) -> Asked:
    """A test of what is there; `_Existence` tells of what is not there too."""
    if isinstance(test, _Existence):
        return lambda profile, _wallet_of: test(read(profile))

    def asked(profile: Profile, _wallet_of: WalletOf) -> Answer:
        told = read(profile)
        return None if told is None else test(told)

    return asked


class _Existence:
    """Whether something is there that counts, or is not: what is not there is known."""

    def __init__(self, wanted: bool, counts: Test) -> None:
        self._wanted = wanted
        self._counts = counts

    def __call__(self, told: Any) -> Answer:
        there = False if told is None else self._counts(told)
        return None if there is None else there is self._wanted


def _existence(leaf: Leaf) -> _Existence | None:
    if isinstance(leaf.value, bool) and leaf.field == "wallet.expiring_within_days":
        ahead = leaf.ahead  # of a wallet that was read it is known that nothing expires
        return _Existence(leaf.value is (leaf.op != "!="), lambda told: ahead is None or told <= ahead)
    if leaf.op != "exists":
        return None
    ahead = leaf.ahead
    if leaf.field in _ZERO_IS_NOTHING:
        return _Existence(leaf.value is True, number_test(">", 0))
    return _Existence(leaf.value is True, lambda told: ahead is None or told <= ahead)


def _number(leaf: Leaf) -> Test:
    return number_test(leaf.op, leaf.value)


def _ahead(leaf: Leaf, test: Test) -> Test:
    """The test, and that it lies within so many days; or, asked for by yes or no, only that."""
    ahead = leaf.ahead
    if isinstance(test, _Existence):
        return test
    if isinstance(leaf.value, bool):
        wanted = leaf.value is (leaf.op == "=")
        return lambda told: (ahead is None or told <= ahead) is wanted
    if ahead is None:
        return test
    return lambda told: test(told) if told <= ahead else False


def _day_leaf(leaf: Leaf, facts: Facts) -> Asked:
    read = (values.last_redeemed if leaf.field == "wallet.last_redeemed_at" else values.order_day)(leaf, facts)
    first, last = facts.days(leaf.window)

    def inside(day: int) -> bool:
        return (first is None or day >= first) and (last is None or day <= last)

    if leaf.op == "exists":
        return _of_value(read, _Existence(leaf.value is True, inside))
    assert not isinstance(leaf.value, bool | str | tuple)
    test = plain_test(leaf.op, facts.day(leaf.value))
    return _of_value(read, lambda day: inside(day) and test(day))


def _words_leaf(leaf: Leaf, facts: Facts) -> Asked:
    if leaf.field == "profile.tags":
        if leaf.op == "exists":
            return lambda profile, _wallet_of: bool(profile.person.tags) is leaf.value
        of_tags = words_test(leaf.op, leaf.value)
        return lambda profile, _wallet_of: of_tags(profile.person.tags)
    read = values.traces(leaf.field)
    first, last = facts.days(leaf.window)
    if leaf.op == "exists":
        there = lambda profile, _wallet_of: traces_exist(read(profile), first, last)  # noqa: E731
        return there if leaf.value else opposite(there)
    of_traces = traces_test(leaf.op, leaf.value, first, last)
    return lambda profile, _wallet_of: of_traces(read(profile))


def _percentile_leaf(leaf: Leaf, facts: Facts) -> Asked:
    """Held against what one has to have spent to be at that percentile; looked up once for each currency."""
    assert isinstance(leaf.value, int)
    percentile, compared, thresholds = leaf.value, COMPARED[leaf.op], dict[str, int | None]()

    def asked(profile: Profile, _wallet_of: WalletOf) -> Answer:
        currency = values.currency_of(profile, leaf, facts)
        total = values.spent(profile, currency)
        if currency is None or total is None:
            return None
        if currency not in thresholds:
            thresholds[currency] = facts.threshold(currency, percentile)
        threshold = thresholds[currency]
        if threshold is None:
            return None
        return compared(total, threshold)

    return asked


def _wallet_leaf(leaf: Leaf, facts: Facts) -> Asked:
    test = _ahead(leaf, _existence(leaf) or _number(leaf))
    read = _available if leaf.field == "wallet.available" else _days_to_expiry

    def asked(profile: Profile, wallet_of: WalletOf) -> Answer:
        currency = values.currency_of(profile, leaf, facts)
        wallet = None if currency is None else wallet_of(currency)
        if wallet is None:
            return None
        told = read(wallet, facts)
        return test(told) if told is not None or isinstance(test, _Existence) else None

    return asked


def _available(wallet: Wallet, facts: Facts) -> int:
    return balance(wallet, facts.now).available


def _days_to_expiry(wallet: Wallet, facts: Facts) -> int | None:
    """Days until the last on which the first of its credit to expire can be spent, 0 on the day itself."""
    ends = [
        lot.expires_at for lot in wallet.lots if lot.expires_at is not None and lot.unheld > 0 and lot.active(facts.now)
    ]
    return day_of(min(ends) - 1, facts.zone) - facts.today if ends else None


def opposite(part: Asked) -> Asked:
    """Not so; what is not known stays unknown."""

    def asked(profile: Profile, wallet_of: WalletOf) -> Answer:
        told = part(profile, wallet_of)
        return None if told is None else not told

    return asked
