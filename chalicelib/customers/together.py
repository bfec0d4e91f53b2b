"""What is bought together with a product: a bounded table of its partners, with how often.

A table is the summary of Misra and Gries ("Finding repeated elements", Science of Computer Programming 2, 1982), told
one partner at a time:

    it is in the table                +1
    there is room                     it comes in, with 1
    there is none                     every count -1, what is at nothing leaves, and it does not come in

A count is never too high. With MOST_PARTNERS counters it is too low by at most `lost`, the number of times that every
count was lowered, and that is at most told / (MOST_PARTNERS + 1): whatever is more than one partner in 33 is in the
table. Where FADE_AT partners were told all numbers are halved, so that what was bought long ago counts less and less:
the counts are of orders that fade, and the roundings add at most 2 to what they may be too low by. Tables of one
product that were told of different orders are summed, and so are their errors (Agarwal and others, "Mergeable
summaries", 2012).

What is kept depends on the order in which orders come, within these bounds. A table names products and no person; an
order that is cancelled later is not taken out, since that people wanted two things together is true all the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

from chalicelib.customers.activity import MAX_RECENT_ID_BYTES

MAX_TOGETHER = 5
"""Products of one order that count, the first that it names: at most 20 pairs."""
MOST_PARTNERS = 32
"""In one table: below 3 KB, with ids as long as they may be."""
FADE_AT = 2_000
"""Partners told to one table."""
LEAST_TOGETHER = 2
"""What only one order had together is chance, and would show one customer what another has bought."""

assert FADE_AT % 2 == 0
assert MOST_PARTNERS >= MAX_TOGETHER


@dataclass(frozen=True, slots=True)
class Partners:
    """What was bought together with one product. `told` and `lost` fade with the counts."""

    counts: Mapping[str, int] = field(default_factory=dict)
    told: int = 0
    lost: int = 0
    """What a count may be too low by."""

    def plus(self, partners: Iterable[str]) -> Partners:
        """With one more order, in which these partners were."""
        return reduce(_told, partners, self)


def counted_together(products: Iterable[str]) -> tuple[str, ...]:
    """Those of an order's products that count: the first few, each once, without those whose ids are too long to be
    shown. Fewer than two are bought together with nothing."""
    short = (each for each in dict.fromkeys(products) if len(each.encode()) <= MAX_RECENT_ID_BYTES)
    first = tuple(each for each, _ in zip(short, range(MAX_TOGETHER), strict=False))
    return first if len(first) > 1 else ()


def summed(tables: Iterable[Partners]) -> Counter[str]:
    """How often, at least, each partner is in these tables."""
    counts: Counter[str] = Counter()
    for each in tables:
        counts.update(each.counts)
    return counts


def most_together(counts: Mapping[str, int], most: int, *, known: Callable[[str], bool]) -> list[str]:
    """The partners that were bought together most, the first by name of those that are equal; without those that are
    `known` to the customer already, and without what is chance."""
    worth = (each for each, count in counts.items() if count >= LEAST_TOGETHER and not known(each))
    return sorted(worth, key=lambda each: (-counts[each], each))[:most]


def partners_body(partners: Partners) -> dict[str, Any]:
    return {"with": dict(partners.counts), "told": partners.told, "lost": partners.lost}


def partners_of(body: Mapping[str, Any]) -> Partners:
    return Partners(body["with"], body["told"], body["lost"])


def _told(before: Partners, partner: str) -> Partners:
    counts, lost = dict(before.counts), before.lost
    if partner in counts or len(counts) < MOST_PARTNERS:
        counts[partner] = counts.get(partner, 0) + 1
    else:
        counts, lost = {each: count - 1 for each, count in counts.items() if count > 1}, lost + 1
    after = Partners(counts, before.told + 1, lost)
    return after if after.told < FADE_AT else _faded(after)


def _faded(before: Partners) -> Partners:
    """Half of it. A half that is rounded down is missing in a count, so what it may be too low by is rounded up."""
    halves = {each: count // 2 for each, count in before.counts.items() if count > 1}
    return Partners(halves, before.told // 2, before.lost // 2 + 1)
