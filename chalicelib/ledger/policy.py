"""The merchant's rules as one value, and when a grant expires.

Precedence for an expiry: the grant, its campaign or rule (they put it into the grant), the kind's default, the class's.
Days and months are the merchant's calendar days: `days:N` and `months:N` run to the end of that local day, which is the
first instant of the next one, since a lot is dead at exactly its expires_at.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import Protocol

from chalicelib.ledger import limits
from chalicelib.ledger.conditions import local_time
from chalicelib.ledger.lots import Kind, LotClass
from chalicelib.ledger.money import EXPONENT, POINTS
from chalicelib.ledger.refusals import ExpiresInPast, ExpiryNotPermitted

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Never:
    """Does not expire."""


@dataclass(frozen=True)
class At:
    """Expires at this instant (milliseconds)."""

    instant: int


@dataclass(frozen=True)
class Days:
    """To the end of the local day this many days on."""

    days: int


@dataclass(frozen=True)
class Months:
    """To the end of the local day this many months on; 31 January and one month is the end of February."""

    months: int


@dataclass(frozen=True)
class EndOf:
    """To the end of the local month (1), quarter (3) or year (12), `periods` of them on; 0 is the current one."""

    months: int
    periods: int = 0


Expiry = Never | At | Days | Months | EndOf


@dataclass(frozen=True)
class Grace:
    """The default: a live lot keeps its expiry, lifted if it is near; a dead one comes back for a while."""

    lifted_to_days: int = 14
    reinstated_days: int = 30


@dataclass(frozen=True)
class OriginalExpiry:
    """What is given back expires when it would have; if that is past, at once."""


@dataclass(frozen=True)
class Extend:
    """What is given back lives at least this many days more."""

    days: int


@dataclass(frozen=True)
class NoExpiry:
    """What is given back no longer expires."""


Reinstatement = Grace | OriginalExpiry | Extend | NoExpiry


class RefundSplit(StrEnum):
    """Which tender a refund of part of an order gives back."""

    PROPORTIONAL = "proportional"
    """Each in the share that it paid."""
    CREDIT_FIRST = "credit_first"
    OTHER_FIRST = "other_first"


class Clawback(StrEnum):
    """How far promotional credit is taken back when the order that earned it is refunded."""

    NONE = "none"
    LOT_ONLY = "lot_only"
    """What is left of the lot that the order earned."""
    PROMOTIONAL = "promotional"
    """And of the wallet's other promotional lots."""
    DEBT = "debt"
    """And what is still missing from later promotional grants."""


SPENDING_ORDER = ("priority", "expires_at", "item_scoped", "lot_class", "effective_at", "issued_in", "id")


@dataclass(frozen=True)
class Policy:
    """What the merchant has decided. `version` is written into every entry made under it."""

    version: str
    zone: tzinfo
    currencies: dict[str, int] = field(default_factory=lambda: EXPONENT | POINTS)
    spending_order: tuple[str, ...] = SPENDING_ORDER
    merged_kinds: frozenset[Kind] = frozenset({Kind.LOYALTY})
    kinds_without_expiry: frozenset[Kind] = frozenset({Kind.REFUND, Kind.EXCHANGE, Kind.PURCHASED})
    expiry_of_kind: dict[Kind, Expiry] = field(default_factory=dict)
    expiry_of_class: dict[LotClass, Expiry] = field(
        default_factory=lambda: {
            LotClass.PAID: Never(),
            LotClass.GOODWILL: Days(365),
            LotClass.PROMOTIONAL: Days(90),
        }
    )
    reinstatement: Reinstatement = Grace()
    released_grace_hours: int = 24
    refund_to_credit: bool = True
    """Whether a refund of other tender may be given as credit."""
    refund_split: RefundSplit = RefundSplit.PROPORTIONAL
    refund_bonus_basis_points: int = 0
    """Of what is refunded to credit instead of to other tender, given on top."""
    refund_bonus_expires: Expiry | None = None
    """None: as any grant of the bonus's kind."""
    clawback: Clawback = Clawback.DEBT
    release_wallets_per_second: int = 500
    """How fast a campaign is released, so that checkout keeps its share of the tables."""
    require_notice_kinds: frozenset[Kind] = frozenset({Kind.REFUND, Kind.EXCHANGE, Kind.PURCHASED, Kind.MIGRATION})
    """Credit of these kinds does not expire before somebody was told that it will."""
    default_currency: str = "EUR"
    """Of amounts of people's orders and wallets, where nobody says which currency is meant."""

    def current(self) -> Policy:
        """Itself: one policy is a source of policies that never changes."""
        return self


class Policies(Protocol):
    """Where the policy in force comes from."""

    def current(self) -> Policy:
        """The policy to decide by now.

        :raises Unread: (`chalicelib.store.signals`) it is kept in the store and could not be read
        """


def expires_at(
    wanted: Expiry | None, kind: Kind, lot_class: LotClass, effective_at: int, at: int, policy: Policy
) -> int | None:
    """When a grant of this kind expires (milliseconds, None for never).

    :raises ExpiryNotPermitted: the merchant's jurisdiction does not let this kind expire
    :raises ExpiresInPast: it would be dead before it could be used
    """
    rule = wanted or policy.expiry_of_kind.get(kind) or policy.expiry_of_class[lot_class]
    instant = resolve(rule, max(effective_at, at), policy.zone)
    if instant is None:
        return None
    if kind in policy.kinds_without_expiry:
        raise ExpiryNotPermitted(
            f"Credit of kind {kind} must not expire under the merchant's policy.", field="/expires", kind=str(kind)
        )
    if instant <= max(effective_at, at):
        raise ExpiresInPast("The credit would have expired before it could be used.", field="/expires")
    return instant


def resolve(rule: Expiry, start: int, zone: tzinfo) -> int | None:
    """The instant (milliseconds) that an expiry rule names, counted from `start`."""
    match rule:
        case Never():
            return None
        case At(instant):
            return instant
        case Days(days):
            return _start_of(local_time(start, zone).date() + timedelta(days=days + 1), zone)
        case Months(months):
            return _start_of(_months_on(local_time(start, zone).date(), months) + timedelta(days=1), zone)
        case EndOf(months, periods):
            first = local_time(start, zone).date().replace(day=1)
            first = first.replace(month=(first.month - 1) // months * months + 1)
            return _start_of(_months_on(first, months * (periods + 1)), zone)


def _months_on(day: date, months: int) -> date:
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _start_of(day: date, zone: tzinfo) -> int:
    """The first instant of a local day; where midnight is skipped by daylight saving, the first that exists."""
    midnight = datetime.combine(day, time(), zone)
    return (midnight.astimezone(UTC) - _EPOCH) // timedelta(milliseconds=1)


assert max(limits.MAX_EXPIRY_MONTHS // 12, limits.MAX_EXPIRY_DAYS // 365) + 2_200 < 9_999, "dates stay valid"
