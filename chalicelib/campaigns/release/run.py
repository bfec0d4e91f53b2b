"""What a release keeps: documents of one run of one campaign, all under one hash key.

p07/00003          piece      members in order, where the next piece begins, and the shard's totals up to here
shards/p07         shard      the totals of a shard that has all its pieces, and how many there are
plan               plan       pieces of each shard, and where the budget ends
results/p07/00003  result     what became of a piece; a later one takes the place of one that is not complete
figures/p07        figures    sums over the results of a shard; each result adds what it says more than before
driving            driving    how far the run was when the minute job last looked
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from chalicelib.campaigns.model import Campaign, Summary
from chalicelib.campaigns.release.pieces import SHARDS, Cut, Member, Piece, Place, Plan, Result, Shard, Totals
from chalicelib.campaigns.store import CAMPAIGNS, campaign_in
from chalicelib.ledger.limits import SECOND_MS
from chalicelib.store.documents import Document, Documents, Key
from chalicelib.store.reading import Store
from chalicelib.store.writes import Write

Json = dict[str, Any]

KEPT_SECONDS = 3 * 366 * 24 * 3600
"""How long a run's documents are kept; what it did stays in the ledger, and in the operations, for ever."""


@dataclass(frozen=True, slots=True)
class Work:
    """One piece and what belongs to it, each None where it is not there."""

    campaign: Campaign | None
    plan: Plan | None
    piece: Piece | None
    result: Result | None


class Run:
    """The documents of one run."""

    def __init__(self, store: Store, campaign: str, run: int) -> None:
        self._store = store
        self._docs = Documents(store, store.tables.campaigns_name)
        self.campaign = campaign
        self.pk = f"#audience/{campaign}/{run}"

    def piece(self, shard: str, number: int) -> Piece | None:
        return self.pieces([(shard, number)]).get((shard, number))

    def pieces(self, places: Iterable[Place]) -> dict[Place, Piece]:
        """Those of these pieces that there are."""
        found = map(_piece, self._docs.get_many(self._key(*place) for place in places).values())
        return {(piece.shard, piece.number): piece for piece in found}

    def last_piece(self, shard: str) -> Piece | None:
        """The last that there is so far."""
        found, _ = self._docs.page(self.pk, 1, begins=f"{shard}/", newest_first=True)
        return _piece(found[0]) if found else None

    def pieces_from(self, shard: str, number: int, limit: int) -> list[Piece]:
        """Pieces of a shard in order, from that number on; fewer than `limit` where there are no more, or a page of
        the table ends."""
        after = f"{shard}/{number - 1:05}"
        found, _ = self._docs.page(self.pk, limit, begins=f"{shard}/", after=after)
        return [_piece(each) for each in found]

    def put_piece(self, piece: Piece) -> list[Write]:
        """Where there is none; with the last of a shard goes the shard's summary."""
        body = {
            "members": [_told(member) for member in piece.members],
            "after": piece.after,
            "totals": asdict(piece.totals),
        }
        writes = [self._save(self._key(piece.shard, piece.number), body, 0)]
        if piece.after is None:
            summary = {"pieces": piece.number, "totals": asdict(piece.totals)}
            writes.append(self._save((self.pk, f"shards/{piece.shard}"), summary, 0))
        return writes

    def shards(self) -> dict[str, Shard]:
        """Those that have all their pieces."""
        found = self._docs.get_many((self.pk, f"shards/{shard}") for shard in SHARDS)
        return {
            key[1].partition("/")[2]: Shard(each.body["pieces"], Totals(**each.body["totals"]))
            for key, each in found.items()
        }

    def plan(self) -> Plan | None:
        return _plan(self._docs.get((self.pk, "plan")))

    def work(self, shard: str, number: int) -> Work:
        """All that a worker with a piece has to know, in one round trip."""
        campaign, plan, piece, result = (
            (CAMPAIGNS, self.campaign),
            (self.pk, "plan"),
            self._key(shard, number),
            (self.pk, f"results/{shard}/{number:05}"),
        )
        found = self._docs.get_many([campaign, plan, piece, result])
        return Work(
            campaign_in(found[campaign]) if campaign in found else None,
            _plan(found.get(plan)),
            _piece(found[piece]) if piece in found else None,
            _result(found[result]) if result in found else None,
        )

    def put_plan(self, plan: Plan) -> Write:
        cut = plan.cut
        body = {
            "pieces": dict(plan.pieces),
            "summary": asdict(plan.summary),
            "cut": [cut.shard, cut.number, cut.planned] if cut else None,
        }
        return self._save((self.pk, "plan"), body, 0)

    def result(self, shard: str, number: int) -> Result | None:
        return self.results([(shard, number)]).get((shard, number))

    def results(self, places: Iterable[Place]) -> dict[Place, Result]:
        """Those of these pieces that have one."""
        keys = {(self.pk, f"results/{shard}/{number:05}"): (shard, number) for shard, number in places}
        return {keys[key]: _result(each) for key, each in self._docs.get_many(keys).items()}

    def put_result(self, shard: str, number: int, result: Result, before: Result | None) -> list[Write]:
        """In the place of the one before, together with what it adds to the figures."""
        body = {
            "complete": result.complete,
            "granted": result.granted,
            "granted_amount": result.granted_amount,
            "skipped": dict(result.skipped),
            "failed": dict(result.failed),
            "left": list(result.left),
            "tries": result.tries,
            "revoked": result.revoked,
            "revoked_amount": result.revoked_amount,
        }
        old = before.figures() if before else {}
        change = {name: value - old.get(name, 0) for name, value in result.figures().items()}
        counted = {name: value for name, value in change.items() if value}
        writes = [self._save((self.pk, f"results/{shard}/{number:05}"), body, before.version if before else 0)]
        if counted:
            writes.append(self._docs.count((self.pk, f"figures/{shard}"), counted))
        return writes

    def figures(self, shards: Iterable[str] = SHARDS) -> dict[str, dict[str, int]]:
        """Sums over the results of each of these shards; a shard without one is not there."""
        found = self._docs.get_many((self.pk, f"figures/{shard}") for shard in shards)
        return {key[1].partition("/")[2]: dict(each.counts) for key, each in found.items()}

    def has_all_results(self, plan: Plan, shard: str | None = None, figure: str = "pieces") -> bool:
        """Whether each piece of a shard, or of all, has a complete result; or is in another figure. A shard that the
        plan has no piece of has all of them."""
        shards = [shard] if shard else list(plan.pieces)
        figures = self.figures(shards)
        return all(figures.get(each, {}).get(figure, 0) >= plan.pieces.get(each, 0) for each in shards)

    def driving(self) -> tuple[Json, int]:
        """What the minute job noted last, and the version of its note; 0 where it has not looked yet."""
        document = self._docs.get((self.pk, "driving"))
        return (document.body, document.version) if document else ({}, 0)

    def put_driving(self, note: Json, expected: int) -> Write:
        return self._save((self.pk, "driving"), note, expected)

    def _key(self, shard: str, number: int) -> Key:
        return self.pk, f"{shard}/{number:05}"

    def _save(self, key: Key, body: Json, expected: int) -> Write:
        return self._docs.save(key, body, expected, delete_after=self._store.clock.now() // SECOND_MS + KEPT_SECONDS)


def _told(member: Member) -> list[Any]:
    told: list[Any] = [member.customer, member.group, member.amount]
    return told if member.reason is None else [*told, member.reason]


def _plan(document: Document | None) -> Plan | None:
    if document is None:
        return None
    body, cut = document.body, document.body["cut"]
    return Plan(body["pieces"], Summary(**body["summary"]), Cut(*cut) if cut else None)


def _piece(document: Document) -> Piece:
    shard, _, number = document.key[1].partition("/")
    body = document.body
    members = tuple(Member(*told) for told in body["members"])
    return Piece(shard, int(number), members, body["after"], Totals(**body["totals"]))


def _result(document: Document) -> Result:
    told = Result(**document.body)
    return replace(told, left=tuple(told.left), version=document.version)
