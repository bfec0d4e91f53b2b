"""Following the ledger's stream for what is known of customers and campaigns, and for whom to tell.

    profiles      the figures of a customer's wallets
    performance   the counters of campaigns
    notices       what a customer is to be told of, onto the queue of notices

Each is told the entries of a wallet in order, and is right to be told them again: so a batch that failed half way is
simply told again, from the first record of the first wallet that failed. Wallets have nothing to do with each other;
several are followed at a time. What is to be told again first of all fails the batch as a whole, see `publishing`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from chalicelib import wiring
from chalicelib.edge.functions.publishing import UNREADABLE, BatchBlocked
from chalicelib.ledger.model import Entry
from chalicelib.runtime import telemetry
from chalicelib.runtime.clock import stopwatch
from chalicelib.runtime.environment import settings
from chalicelib.store.envelope import WalletId
from chalicelib.store.images import UnreadableImage, entry_of_image
from chalicelib.store.signals import Busy, NewerSchema, OutcomeUnknown, Unread

NOT_FOLLOWED = "not_followed"
WALLETS_AT_ONCE = 8
"""Wallets that one batch follows at a time; fewer than connections that the store keeps open."""
PASSING = (Busy, NewerSchema, OutcomeUnknown, Unread)
"""What time heals, or the next deployment. A defect of ours fails the batch, which is then halved until it is alone."""

Follower = Callable[[WalletId, Sequence[Entry]], None]


class _Wallet(NamedTuple):
    """What a batch says of one wallet. `place` is the index of its first record in the batch."""

    place: int
    wallet_id: WalletId
    entries: list[Entry]


def observe_batch(
    batch: dict[str, Any], followers: Sequence[Follower] | None = None
) -> dict[str, list[dict[str, str]]]:
    """Follow a batch of stream records; what Lambda is to tell again: the first that failed, or nothing.

    :raises BatchBlocked: the first record failed, and others follow it
    """
    began = stopwatch()
    records: list[dict[str, Any]] = batch["Records"]
    wallets, end, why = _read(records)
    following = _followers() if followers is None else followers
    with ThreadPoolExecutor(WALLETS_AT_ONCE) as pool:
        failures = pool.map(lambda wallet: _follow(wallet, following), wallets)
        failed = {wallet.place: failure for wallet, failure in zip(wallets, failures, strict=True) if failure}
    if failed:
        end = min(failed)
        why = failed[end]
    blocked = records[end] if end < len(records) else None
    _tell(sum(len(wallet.entries) for wallet in wallets if wallet.place not in failed), blocked, why, began)
    if blocked is None:
        return {"batchItemFailures": []}
    if end == 0 and len(records) > 1:
        raise BatchBlocked(f"the first of {len(records)} records is {why}")
    return {"batchItemFailures": [{"itemIdentifier": str(blocked["dynamodb"]["SequenceNumber"])}]}


def _followers() -> Sequence[Follower]:
    from chalicelib.customers import figures
    from chalicelib.notices.nominating import nominate
    from chalicelib.performance import observing

    store, queue = wiring.engine().store, wiring.notices_queue()
    return (
        lambda wallet_id, entries: figures.observe_entries(store, wallet_id, entries),
        lambda wallet_id, entries: observing.observe(store, wallet_id, entries),
        lambda wallet_id, entries: nominate(store, queue, wallet_id, entries),
    )


def _read(records: Sequence[dict[str, Any]]) -> tuple[Sequence[_Wallet], int, str | None]:
    """The wallets of a batch, up to the first record that nobody can read; that one's index, and what is wrong."""
    wallets: dict[WalletId, _Wallet] = {}
    for place, record in enumerate(records):
        if record["eventName"] != "INSERT":
            continue
        try:
            wallet_id, entry = entry_of_image(record["dynamodb"].get("NewImage"))
        except UnreadableImage as error:
            return list(wallets.values()), place, f"{UNREADABLE}: {error}"
        wallets.setdefault(wallet_id, _Wallet(place, wallet_id, [])).entries.append(entry)
    return list(wallets.values()), len(records), None


def _follow(wallet: _Wallet, followers: Sequence[Follower]) -> str | None:
    """Let everybody follow a wallet, also where one of them cannot: a channel that is down is no reason for figures to
    be late. What went wrong first, if something did."""
    wrong = list(filter(None, (_followed(wallet, each) for each in followers)))
    return wrong[0] if wrong else None


def _followed(wallet: _Wallet, follower: Follower) -> str | None:
    try:
        follower(wallet.wallet_id, wallet.entries)
    except PASSING as error:
        return f"{NOT_FOLLOWED}: {type(error).__name__}"
    return None


def _tell(followed: int, blocked: dict[str, Any] | None, why: str | None, began: float) -> None:
    """The line of this batch. It names the entry that is told again."""
    change = blocked["dynamodb"] if blocked else {}
    keys = change.get("Keys", {})
    customer, _, currency = keys.get("wallet", {}).get("S", "").rpartition("/")
    telemetry.write_line(
        settings().stage,
        "observe",
        "ok" if blocked is None else "blocked",
        "",
        metrics={
            "Observed": followed,
            "ObserveFailed": int(blocked is not None),
            "DurationMs": round((stopwatch() - began) * 1000, 1),
        },
        facts={
            "reason": why,
            "customer": customer or None,
            "currency": currency or None,
            "sequence": keys.get("sequence", {}).get("N"),
            "stream_sequence_number": change.get("SequenceNumber"),
        },
    )
