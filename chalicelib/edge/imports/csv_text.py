"""Tables as CSV (RFC 4180), read and written: what a spreadsheet would take for a formula is written with a quote
before it, and read without one.

A spreadsheet computes a cell that begins with one of `= + - @`, a tab or a carriage return; a name in a customer list
would so be able to run something on the merchant's machine. A cell that begins with a quote gets one more, so that what
was written is what is read.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

QUOTE = "'"
FORMULAS = ("=", "+", "-", "@", "\t", "\r", QUOTE)
BYTE_ORDER_MARK = "\ufeff"


class NotCsv(Exception):
    """The text is no table; the message says why."""


def read(text: str) -> tuple[list[str], list[list[str]]]:
    """The header and the rows; blank lines are none. Cells stand between commas, or semicolons where the first line has
    those and no comma, as spreadsheets of some countries write them.

    :raises NotCsv: the quoting is broken, or there is no header
    """
    text = text.removeprefix(BYTE_ORDER_MARK)
    first = text.partition("\n")[0]
    delimiter = ";" if ";" in first and "," not in first else ","
    try:
        lines = [line for line in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True) if line]
    except csv.Error as error:
        raise NotCsv(f"is not CSV: {error}") from None
    if not lines:
        raise NotCsv("has no header")
    header, *rows = lines
    return [name.strip() for name in header], [[_plain(cell) for cell in row] for row in rows]


def written(rows: Iterable[Sequence[str]]) -> str:
    """The rows as text, each ended by CRLF."""
    text = io.StringIO()
    csv.writer(text).writerows([_safe(cell) for cell in row] for row in rows)
    return text.getvalue()


def _safe(cell: str) -> str:
    return QUOTE + cell if cell.startswith(FORMULAS) else cell


def _plain(cell: str) -> str:
    return cell[1:] if cell.startswith(QUOTE) and cell[1:].startswith(FORMULAS) else cell
