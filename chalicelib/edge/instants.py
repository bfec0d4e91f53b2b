"""Instants on the wire: RFC 3339 there, milliseconds since 1970-01-01T00:00Z inside.

Accepted: any offset, up to nine decimals (what is finer than a millisecond is cut off), years 1970 to 2199, no leap
second. Answered: UTC with `Z`, and three decimals only where the milliseconds are not zero, so that an instant comes
back as it is commonly written.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from chalicelib.edge.shapes import compiled

RFC_3339 = (
    r"^(19[7-9][0-9]|20[0-9]{2}|21[0-9]{2})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    r"[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)
_SHAPE = compiled(RFC_3339)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def parse(text: str) -> int:
    """Milliseconds of an RFC 3339 instant.

    :raises ValueError: it is none, has no offset, or lies before 1970 or after 2199
    """
    if not _SHAPE.fullmatch(text):
        raise ValueError("not an RFC 3339 instant with an offset, 1970 to 2199")
    instant = (datetime.fromisoformat(text.upper()) - _EPOCH) // _MILLISECOND
    if instant < 0:
        raise ValueError("before 1970")
    return instant


def show(instant: int) -> str:
    """`2026-01-31T12:00:00Z`, or `2026-01-31T12:00:00.250Z`."""
    seconds, milliseconds = divmod(instant, 1000)
    text = datetime.fromtimestamp(seconds, UTC).isoformat()[:19]
    return f"{text}.{milliseconds:03}Z" if milliseconds else text + "Z"
