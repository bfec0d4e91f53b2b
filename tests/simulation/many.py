"""Many histories at once, on all cores; and what they came to together."""

from __future__ import annotations

import gc
import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.pool import Pool

from tests.simulation.playing import Played, play

CHUNK = 4
"""Histories that a process is given at a time."""
BETWEEN_COLLECTIONS = 50_000
"""New objects, those gone again taken off, between two looks for garbage."""


@dataclass
class Summary:
    """Histories together. `broken` are the first few that broke a rule, each with its story."""

    histories: int = 0
    steps: int = 0
    requests: int = 0
    messages: int = 0
    told: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    """Commands that were done, by name."""
    met: Counter[str] = field(default_factory=Counter)
    marketed: Counter[str] = field(default_factory=Counter)
    """What was done for campaigns and rules, and what they granted."""
    breaks: int = 0
    broken: list[Played] = field(default_factory=list)

    def add(self, played: Played) -> None:
        self.histories += 1
        self.steps += played.steps
        self.requests += played.requests
        self.messages += played.messages
        self.told += played.told
        self.done += played.done
        self.met += played.met
        self.marketed += played.marketed
        if played.broken:
            self.breaks += 1
            if len(self.broken) < STORIES:
                self.broken.append(played)

    def __str__(self) -> str:
        met = ", ".join(f"{count} x {kind}" for kind, count in self.met.most_common())
        told = ", ".join(f"{count} {outcome}" for outcome, count in self.told.most_common())
        marketed = ", ".join(f"{count} {what}" for what, count in self.marketed.most_common())
        return (
            f"{self.histories} histories, {self.steps} steps: {self.requests} requests, {self.messages} messages\n"
            f"told {told}\nmet {met}\nmarketed {marketed}\n{self.breaks} broke an invariant"
        )


STORIES = 3
"""Broken histories that are told in full."""


def cores() -> int:
    return len(os.sched_getaffinity(0))


def pool() -> Pool:
    """Processes for all cores."""
    return multiprocessing.get_context("spawn").Pool(cores(), _collect_less)


def _collect_less() -> None:
    """A history makes little garbage in circles, and looking for it had a tenth of the time."""
    gc.freeze()
    gc.set_threshold(BETWEEN_COLLECTIONS)


def play_many(seeds: Iterable[int], steps: int, progress: Callable[[Summary], None] = lambda _: None) -> Summary:
    """Play all of them, on every core; `progress` is called after each."""
    summary = Summary()
    with pool() as processes:
        for played in processes.imap_unordered(partial(play, steps=steps), seeds, chunksize=CHUNK):
            summary.add(played)
            progress(summary)
    return summary
