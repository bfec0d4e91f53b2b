"""A release in small: few shards, pieces of three, groups of two, so that a handful of customers fills several of each;
and slow, so that much happens while it is under way.

The rules are the same at every size; what goes wrong between two pieces, or two groups, goes wrong here.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any
from unittest import mock

from chalicelib.campaigns.release import evaluating, granting, pacing, pieces, revoking, run
from chalicelib.customers import store as profiles
from chalicelib.performance import store as performance

SHARDS = profiles.SHARDS[:2]
PIECE_MEMBERS = 3
GROUP_WALLETS = 2
PAGE_PROFILES = 2
WORKERS = 1_000
"""Among so many they share what all may credit: each a wallet in two seconds."""


def small(stack: ExitStack) -> None:
    """Make releases small until the stack ends; and let every counter be kept in one lane."""
    every = (*SHARDS, pieces.LISTED)
    sizes: list[tuple[Any, str, Any]] = [
        (profiles, "SHARD_COUNT", len(SHARDS)),
        (pieces, "PROFILE_SHARDS", SHARDS),
        (pieces, "SHARDS", every),
        (run, "SHARDS", every),
        (run.Run.figures, "__defaults__", (every,)),
        (pieces, "PIECE_MEMBERS", PIECE_MEMBERS),
        (evaluating, "PIECE_MEMBERS", PIECE_MEMBERS),
        (evaluating, "PAGE_PROFILES", PAGE_PROFILES),
        (granting, "GROUP_WALLETS", GROUP_WALLETS),
        (revoking, "GROUP_WALLETS", GROUP_WALLETS),
        (pacing, "WORKERS", WORKERS),
        (performance._lane, "number", 0),
    ]
    for place, name, size in sizes:
        stack.enter_context(mock.patch.object(place, name, size))
