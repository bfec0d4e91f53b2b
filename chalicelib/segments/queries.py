"""What can be asked about segments."""

from __future__ import annotations

from chalicelib.ledger.refusals import NotFound
from chalicelib.runtime.clock import Deadline
from chalicelib.segments import members, preview, store
from chalicelib.segments.drafting import Drafted
from chalicelib.segments.evaluation import facts_for
from chalicelib.segments.members import Place
from chalicelib.segments.preview import Preview
from chalicelib.segments.store import Segment
from chalicelib.segments.where import parse
from chalicelib.store.commit import Engine
from chalicelib.store.documents import Documents
from chalicelib.store.reading import Store


def documents(of: Store) -> Documents:
    """Where segments are kept."""
    return Documents(of, of.tables.campaigns_name)


def one(docs: Documents, segment: str) -> Segment:
    """:raises NotFound: there is none of that id
    :raises Unread: it could not be read"""
    found = store.get(docs, segment)
    if found is None:
        raise NotFound("There is no such segment.", segment=segment)
    return found


def every(engine: Engine, limit: int, after: str | None) -> tuple[list[Segment], str | None]:
    """A page of the segments, by id, those behind `after`; and the next page's `after`, if there is more.

    :raises Unread: they could not be read
    """
    return store.page(documents(engine.store), limit, after)


def count(engine: Engine, drafted: Drafted, deadline: Deadline) -> Preview:
    """How many customers it selects just now; see `preview`.

    :raises Unread: something could not be read
    """
    of = engine.store
    return preview.preview(of, drafted.where, facts_for(of, engine.policy.zone, of.now()), deadline)


def members_of(
    engine: Engine, segment: str, place: Place, limit: int, deadline: Deadline
) -> tuple[list[str], Place | None]:
    """Who is a member just now, page by page; see `members`.

    :raises NotFound: there is no such segment
    :raises Unread, Busy: something could not be read
    """
    of = engine.store
    found = one(documents(of), segment)
    facts = facts_for(of, engine.policy.zone, of.now())
    return members.members(of, parse(found.where), facts, place, limit, deadline)
