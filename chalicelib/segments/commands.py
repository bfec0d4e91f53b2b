"""What can be done to segments: make one, replace one, delete one. A campaign that is scheduled has a copy of the tree,
so nothing that is done here changes what it releases.

All of them answer with `Answer`, whose body `present` makes; they raise a `Refused` (nothing changed), `KeyReused`,
`Busy` (nothing changed), `Unread` (nothing changed) or `OutcomeUnknown`; see `store.once`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from chalicelib.ledger.refusals import VersionConflict
from chalicelib.runtime.clock import Deadline
from chalicelib.segments import store as segments
from chalicelib.segments.drafting import Drafted
from chalicelib.segments.queries import documents, one
from chalicelib.segments.store import Segment
from chalicelib.store.commit import Engine
from chalicelib.store.envelope import Answer
from chalicelib.store.once import Deed, once
from chalicelib.store.writes import Asked

PREFIX = "seg_"


@dataclass(frozen=True)
class Ask:
    """Around one change: the request's key (None for what needs none), how long it may take, how it is answered."""

    asked: Asked | None
    deadline: Deadline
    present: Callable[[Segment], str]
    dry_run: bool = False


def create(engine: Engine, name: str, drafted: Drafted, ask: Ask) -> Answer:
    """Keep a tree under a name."""
    docs = documents(engine.store)

    def decide() -> Deed:
        now = engine.store.now()
        made = Segment(
            id=f"{PREFIX}{ask.asked.operation if ask.asked else 'dry'}",
            name=name,
            where=drafted.tree,
            template=drafted.template,
            parameters=drafted.parameters,
            created_at=now,
            updated_at=now,
        )
        return Deed([segments.saved(docs, made)], ask.present(replace(made, version=1)))

    return once(engine.store, ask.asked, ask.deadline, decide, dry_run=ask.dry_run)


def put(engine: Engine, segment: str, name: str, drafted: Drafted, expected: int | None, ask: Ask) -> Answer:
    """Replace name and tree. `expected` is the version that the caller has seen; None: whichever is there.

    :raises NotFound: there is no such segment
    :raises VersionConflict: it has another version than the expected one
    """
    docs = documents(engine.store)

    def decide() -> Deed:
        found = one(docs, segment)
        if expected is not None and found.version != expected:
            raise VersionConflict(
                "The segment has another version by now.", field="/header/If-Match", current_version=found.version
            )
        wanted = replace(
            found,
            name=name,
            where=drafted.tree,
            template=drafted.template,
            parameters=drafted.parameters,
            updated_at=engine.store.now(),
        )
        return Deed([segments.saved(docs, wanted)], ask.present(replace(wanted, version=found.version + 1)))

    return once(engine.store, ask.asked, ask.deadline, decide, dry_run=ask.dry_run)


def delete(engine: Engine, segment: str, ask: Ask) -> Answer:
    """Forget it.

    :raises NotFound: there is no such segment
    """
    docs = documents(engine.store)

    def decide() -> Deed:
        found = one(docs, segment)
        return Deed([segments.dropped(docs, found)], ask.present(found))

    return once(engine.store, ask.asked, ask.deadline, decide, dry_run=ask.dry_run)
