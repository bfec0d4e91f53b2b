"""Which products, tags and collections a customer had to do with: a bounded memory that is asked "was it this one?".

A trace is 48 bits of an id's SHA-256, so that an id of any length costs six bytes. Of two hundred traces one is taken
for an id that never was with a probability below 10^-12 (200 / 2^48). What is kept are the newest cells of (day,
trace): a cell that was pushed out stays out, since the newer ones never leave, not even with nothing left in them. So
the same is kept in whatever order it came.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

TRACE_BYTES = 6
Cell = tuple[int, int]
"""Day and trace."""


def needle_of(trace: int) -> bytes:
    """A trace as it is stored, to be looked for before anything is decoded."""
    return trace.to_bytes(TRACE_BYTES, "big")


def trace_of(id: str) -> int:  # noqa: A002 what it is called everywhere
    """What stands for an id."""
    return int.from_bytes(hashlib.sha256(id.encode()).digest()[:TRACE_BYTES], "big")


@dataclass(frozen=True, slots=True)
class Traces:
    """How often, by day and trace. A count of nothing (what was bought came back) is kept, and is no occurrence."""

    most: int
    cells: Mapping[Cell, int] = field(default_factory=dict)

    @property
    def full(self) -> bool:
        """Whether something may have been pushed out."""
        return len(self.cells) >= self.most

    def may_have(self, needles: Iterable[bytes]) -> bool:
        """Whether a closer look is worth it: false only where none of these traces, as bytes, is there at all."""
        return any(int.from_bytes(needle, "big") == trace for needle in needles for _, trace in self.cells)

    def has(self, trace: int, since: int | None = None, until: int | None = None) -> bool:
        """Whether it occurs on a day from `since` to `until`, both included."""
        return any(trace == each for _, each in self.occurrences(since, until))

    def has_any(self, traces: frozenset[int], since: int | None = None, until: int | None = None) -> bool:
        return any(each in traces for _, each in self.occurrences(since, until))

    def days(self, traces: frozenset[int]) -> list[int]:
        """The days on which one of these occurs."""
        return [day for day, each in self.occurrences() if each in traces]

    def occurrences(self, since: int | None = None, until: int | None = None) -> Iterator[Cell]:
        """(day, trace) of what occurred from `since` to `until`, both included."""
        for cell, count in self.cells.items():
            if count > 0 and (since is None or cell[0] >= since) and (until is None or cell[0] <= until):
                yield cell

    def plus(self, added: Iterable[tuple[Cell, int]]) -> Traces:
        """With these counts added, as far as they are among the newest."""
        cells = dict(self.cells)
        for cell, count in added:
            cells[cell] = cells.get(cell, 0) + count
        if len(cells) > self.most:
            cells = {cell: cells[cell] for cell in sorted(cells, reverse=True)[: self.most]}
        return Traces(self.most, cells)
