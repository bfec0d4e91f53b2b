"""What the settle queue carries.

    {"wallets": [[customer, currency], …]}                                 wallets that seem due
    {"shard": "07", "until": at, "after": [due_at, customer, currency]}    where the index goes on

Only the sweep and the settler write it, but a queue is open to whoever has the right: what is read is checked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chalicelib.store.due import SHARDS, Place
from chalicelib.store.envelope import WalletId
from chalicelib.store.settlement import GROUP_WALLETS

MAX_INSTANT = 2**53
_CUSTOMER = re.compile(r"[A-Za-z0-9._:@+-]{1,128}")
_CURRENCY = re.compile(r"[A-Z0-9]{3,12}")


class Poison(Exception):
    """A message that nobody can do anything with; its text says why."""


@dataclass(frozen=True, slots=True)
class Group:
    """Wallets to be settled together: 1 to GROUP_WALLETS, all different."""

    wallets: tuple[WalletId, ...]


@dataclass(frozen=True, slots=True)
class Cursor:
    """The rest of a shard: wallets behind `after` that were due at `until` (milliseconds)."""

    shard: str
    until: int
    after: Place


def groups_of(wallets: Sequence[WalletId]) -> Iterator[Group]:
    """All of them, in as few groups as they fit into."""
    for start in range(0, len(wallets), GROUP_WALLETS):
        yield Group(tuple(wallets[start : start + GROUP_WALLETS]))


def written(message: Group | Cursor) -> str:
    if isinstance(message, Group):
        told: dict[str, object] = {"wallets": [[each.customer, each.currency] for each in message.wallets]}
    else:
        wallet = message.after.wallet
        after = [message.after.due_at, wallet.customer, wallet.currency]
        told = {"shard": message.shard, "until": message.until, "after": after}
    return json.dumps(told, separators=(",", ":"))


def read(body: str) -> Group | Cursor:
    """:raises Poison: it is no such message"""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Poison("it is not JSON") from error
    match told:
        case {"wallets": [_, *_] as wallets, **rest} if not rest and len(wallets) <= GROUP_WALLETS:
            return Group(tuple(dict.fromkeys(_wallet_id(each) for each in wallets)))
        case {"shard": shard, "until": until, "after": [due_at, customer, currency], **rest} if not rest:
            if shard not in SHARDS:
                raise Poison("there is no such shard")
            return Cursor(shard, _instant(until), Place(_instant(due_at), _wallet_id([customer, currency])))
        case _:
            raise Poison("it is neither a group of wallets nor a cursor")


def _wallet_id(told: object) -> WalletId:
    match told:
        case [str(customer), str(currency)] if _CUSTOMER.fullmatch(customer) and _CURRENCY.fullmatch(currency):
            return WalletId(customer, currency)
        case _:
            raise Poison("it names something that is no wallet")


def _instant(told: object) -> int:
    if type(told) is not int or not 0 <= told < MAX_INSTANT:
        raise Poison("it names something that is no instant")
    return told
