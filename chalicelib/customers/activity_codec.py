"""How what a customer did becomes a part of a document's body, and back.

Equal things stand together, which is what deflates best: days as differences from the one ahead, traces as base64 of
their six bytes, one list for each number. What is absent or as it would be anyway is left out.
"""

from __future__ import annotations

from base64 import b64encode
from binascii import a2b_base64
from collections.abc import Iterable
from dataclasses import fields
from itertools import accumulate, repeat
from typing import Any, ClassVar

from chalicelib.customers.activity import (
    MAX_GROUP_TRACES,
    MAX_TRACES,
    Abandoned,
    Activity,
    Lifetime,
    Recent,
    RecentOrder,
    WalletFigures,
)
from chalicelib.customers.daily import EmailDays, OrderDays
from chalicelib.customers.stored import Json, Parts, Stored
from chalicelib.customers.traces import TRACE_BYTES, Traces


def activity_body(activity: Activity) -> Json:
    return said(
        {
            "o": _orders(activity),
            "l": {
                currency: [each.count, each.total, each.first_day, each.last_day]
                for currency, each in sorted(activity.lifetime.items())
            },
            "r": [
                [each.at, _text([each.trace]), each.currency, each.total, int(each.counts)]
                for each in activity.recent_orders
            ],
            "b": _traces(activity.bought),
            "v": _traces(activity.viewed),
            "t": _traces(activity.tags_bought),
            "c": _traces(activity.collections_viewed),
            "rb": [list(each) for each in activity.recently_bought],
            "rv": [list(each) for each in activity.recently_viewed],
            "e": _email(activity.email),
            "cs": activity.checkout_started_at,
            "ca": list(activity.abandoned) if activity.abandoned else None,
            "w": {
                currency: [
                    each.sequence,
                    each.issued,
                    each.redemptions,
                    each.redeemed,
                    each.last_redeemed_at,
                    each.first_issued_at,
                ]
                for currency, each in sorted(activity.wallets.items())
            },
        }
    )


class StoredActivity(Stored, Activity):
    """What a customer did, from its JSON."""

    parts: ClassVar[Parts] = {
        "orders": lambda told: _to_orders(told.get("o", {})),
        "lifetime": lambda told: {currency: Lifetime(*each) for currency, each in told.get("l", {}).items()},
        "recent_orders": lambda told: tuple(
            RecentOrder(at, _numbers(trace)[0], currency, total, bool(counts))
            for at, trace, currency, total, counts in told.get("r", ())
        ),
        "bought": lambda told: _to_traces(told.get("b"), MAX_TRACES),
        "viewed": lambda told: _to_traces(told.get("v"), MAX_TRACES),
        "tags_bought": lambda told: _to_traces(told.get("t"), MAX_GROUP_TRACES),
        "collections_viewed": lambda told: _to_traces(told.get("c"), MAX_GROUP_TRACES),
        "recently_bought": lambda told: tuple(Recent(*each) for each in told.get("rb", ())),
        "recently_viewed": lambda told: tuple(Recent(*each) for each in told.get("rv", ())),
        "email": lambda told: _to_email(told.get("e")),
        "checkout_started_at": lambda told: told.get("cs"),
        "abandoned": lambda told: Abandoned(*told["ca"]) if "ca" in told else None,
        "wallets": lambda told: {currency: WalletFigures(*each) for currency, each in told.get("w", {}).items()},
    }


assert StoredActivity.parts.keys() == {each.name for each in fields(Activity)}


def _orders(activity: Activity) -> Json:
    return {
        currency: [_differences(each.days), each.counts, each.totals]
        for currency, each in sorted(activity.orders.items())
    }


def _to_orders(told: Json) -> dict[str, OrderDays]:
    return {
        currency: OrderDays(tuple(accumulate(days)), tuple(counts), tuple(totals))
        for currency, (days, counts, totals) in told.items()
    }


def _email(email: EmailDays) -> list[Any]:
    return [_differences(email.days), email.opens, email.clicks] if email.days else []


def _to_email(told: list[Any] | None) -> EmailDays:
    if not told:
        return EmailDays()
    days, opens, clicks = told
    return EmailDays(tuple(accumulate(days)), tuple(opens), tuple(clicks))


def _traces(traces: Traces) -> list[Any]:
    cells = sorted(traces.cells)
    if not cells:
        return []
    counts = [traces.cells[cell] for cell in cells]
    told = [_differences(day for day, _ in cells), _text([trace for _, trace in cells])]
    return told if all(count == 1 for count in counts) else [*told, counts]


class _StoredTraces(Traces):
    """Traces as stored, of which the cells are read when first asked for. Most questions are about a trace that
    is not there, which the bytes tell."""

    __slots__ = ("_raw", "_told")
    __hash__ = None  # type: ignore[assignment]
    _told: list[Any]
    _raw: bytes

    def __getattr__(self, name: str) -> Any:
        if name != "cells":
            raise AttributeError(name)
        days, _, *counts = self._told
        traces = _numbers_in(self._raw)
        told = counts[0] if counts else repeat(1, len(traces))
        cells = dict(zip(zip(accumulate(days), traces, strict=True), told, strict=True))
        object.__setattr__(self, "cells", cells)
        return cells

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Traces):
            return NotImplemented
        return (self.most, self.cells) == (other.most, other.cells)

    @property
    def full(self) -> bool:
        return len(self._raw) >= self.most * TRACE_BYTES

    def may_have(self, needles: Iterable[bytes]) -> bool:
        raw = self._raw
        for needle in needles:  # noqa: SIM110 a generator would take as long again
            if needle in raw:
                return True
        return False


def _to_traces(told: list[Any] | None, most: int) -> Traces:
    if not told:
        return Traces(most)
    traces = object.__new__(_StoredTraces)
    _set(traces, "most", most)
    _set(traces, "_told", told)
    _set(traces, "_raw", a2b_base64(told[1]))
    return traces


_set = object.__setattr__


def _differences(numbers: Iterable[int]) -> list[int]:
    found: list[int] = []
    before = 0
    for number in numbers:
        found.append(number - before)
        before = number
    return found


def _text(traces: Iterable[int]) -> str:
    return b64encode(b"".join(trace.to_bytes(TRACE_BYTES, "big") for trace in traces)).decode()


def _numbers(text: str) -> list[int]:
    return _numbers_in(a2b_base64(text))


def _numbers_in(raw: bytes) -> list[int]:
    return [int.from_bytes(raw[at : at + TRACE_BYTES], "big") for at in range(0, len(raw), TRACE_BYTES)]


def said(told: Json) -> Json:
    """The members that say something."""
    return {name: value for name, value in told.items() if value not in (None, [], {}, 0)}
