"""Instants on the wire: any offset in, UTC out, milliseconds only where there are some."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.edge.instants import parse, show


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
        ("2026-03-01T12:00:00+02:00", "2026-03-01T10:00:00Z"),
        ("2026-03-01T00:30:00-11:30", "2026-03-01T12:00:00Z"),
        ("2026-03-01t12:00:00z", "2026-03-01T12:00:00Z"),
        ("2026-03-01T12:00:00.5Z", "2026-03-01T12:00:00.500Z"),
        ("2026-03-01T12:00:00.000Z", "2026-03-01T12:00:00Z"),
        ("2026-03-01T12:00:00.999999999Z", "2026-03-01T12:00:00.999Z"),
        ("2028-02-29T23:59:59.001Z", "2028-02-29T23:59:59.001Z"),
        ("2199-12-31T23:59:59Z", "2199-12-31T23:59:59Z"),
    ],
)
def test_an_instant_comes_back_in_utc(text: str, told: str) -> None:
    assert show(parse(text)) == told


@pytest.mark.parametrize(
    "text",
    [
        "", "now", "2026-03-01", "2026-03-01T12:00:00", "2026-03-01 12:00:00Z", "2026-3-1T12:00:00Z",
        "2026-13-01T12:00:00Z", "2026-02-29T12:00:00Z", "2026-03-01T24:00:00Z", "2026-03-01T23:59:60Z",
        "2026-03-01T12:00Z", "20260301T120000Z", "2026-W10-1T12:00:00Z", "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+01:00", "2200-01-01T00:00:00Z", "2026-03-01T12:00:00+24:00", "2026-03-01T12:00:00Z\n",
        "2026-03-01T12:00:00.Z", "2026-03-01T12:00:00,5Z", "٢٠٢٦-03-01T12:00:00Z", "2026-03-01T12:00:00.0000000001Z",
    ],
)  # fmt: skip
def test_what_is_no_such_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"RFC 3339|1970|range|month|day"):
        parse(text)


@given(st.integers(0, 7_258_118_399_999))
def test_what_is_shown_is_read_again(instant: int) -> None:
    assert parse(show(instant)) == instant
