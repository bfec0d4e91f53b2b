"""What surrounds a command: who sends it, how it is remembered, how long it may take, and what is counted about it."""

from __future__ import annotations

import hashlib
from base64 import b32encode
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from chalicelib.ledger.plans import Plan
from chalicelib.runtime.clock import Deadline

OPERATION_ID_BYTES = 15
"""120 bits of a SHA-256 name an operation: 24 characters without padding, and no two keys ever share them."""


@dataclass(frozen=True)
class WalletId:
    """One customer's credit in one currency."""

    customer: str
    currency: str

    def __str__(self) -> str:
        return f"{self.customer}/{self.currency}"


@dataclass
class Trace:
    """What happened on the way to one answer; it becomes the command's log line and metrics."""

    attempts: int = 0
    conflicts: int = 0
    throttles: int = 0
    unknowns: int = 0
    replayed: bool = False
    open_lots: int | None = None
    wallet_bytes: int | None = None
    entries: int | None = None


@dataclass(frozen=True)
class Envelope:
    """Around one command.

    `caller` is whose idempotency key it is, `fingerprint` a digest of everything that makes the request what it is. The
    answer's body is made by `present` before the commit and kept with it, so that a replay is the same byte for byte.
    `key` may be None in a dry run, or where nothing is `remembered`: nothing is kept then.

    What is not remembered has no record of its operation, and none is looked up. That is for what is right to do again
    whenever there is still something to do, and decided anew from the wallet each time: bringing it to the present.
    """

    caller: str
    actor: str
    key: str | None
    fingerprint: str
    deadline: Deadline
    present: Callable[[Plan], str]
    dry_run: bool = False
    remembered: bool = True
    kept_for_ever: bool = False
    """Whether the record outlives the retention of keys."""
    trace: Trace = field(default_factory=Trace)

    @cached_property
    def operation(self) -> str:
        """The operation's id, the same for every attempt and retry of it."""
        return operation_id(self.caller, self.key if self.key is not None else "")


@dataclass(frozen=True)
class Answer:
    """A body that was committed (or, in a dry run, would be), and whether an earlier request did it."""

    body: str
    replayed: bool = False


def operation_id(caller: str, key: str) -> str:
    digest = hashlib.sha256(f"{caller}\0{key}".encode()).digest()
    return b32encode(digest[:OPERATION_ID_BYTES]).decode().lower()
