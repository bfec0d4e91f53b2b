"""Segments as documents: `#segments` / id in the campaigns table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chalicelib.store.documents import Document, Documents
from chalicelib.store.writes import Write

Json = dict[str, Any]
SEGMENTS = "#segments"


@dataclass(frozen=True, slots=True)
class Segment:
    """A named `where` tree, as JSON; of one made from a template also which, and with what parameters."""

    id: str
    name: str
    where: Json
    template: str | None = None
    parameters: Json | None = None
    version: int = 0
    created_at: int = 0
    updated_at: int = 0


def get(docs: Documents, segment: str) -> Segment | None:
    """A segment; None where there is none.

    :raises Unread: it could not be read
    """
    found = docs.get((SEGMENTS, segment))
    return None if found is None else _segment(found)


def page(docs: Documents, limit: int, after: str | None) -> tuple[list[Segment], str | None]:
    """Segments by id, those behind `after`; and the next page's `after`, if there is more.

    :raises Unread: they could not be read
    """
    found, following = docs.page(SEGMENTS, limit, after=after)
    return [_segment(each) for each in found], following


def saved(docs: Documents, segment: Segment) -> Write:
    """Put it in the place of the version that it was read as (0: as a new one)."""
    body = {
        "name": segment.name,
        "where": segment.where,
        "template": segment.template,
        "parameters": segment.parameters,
        "created_at": segment.created_at,
        "updated_at": segment.updated_at,
    }
    return docs.save((SEGMENTS, segment.id), body, segment.version)


def dropped(docs: Documents, segment: Segment) -> Write:
    """Delete it, if it is still the version that was read."""
    return docs.drop((SEGMENTS, segment.id), segment.version)


def _segment(found: Document) -> Segment:
    body = found.body
    return Segment(
        id=found.key[1],
        name=body["name"],
        where=body["where"],
        template=body["template"],
        parameters=body["parameters"],
        version=found.version,
        created_at=body["created_at"],
        updated_at=body["updated_at"],
    )
