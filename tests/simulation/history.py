"""What the outside world was told: every command that was sent, and each answer to it.

It is kept by those who ask, and knows nothing of how the application stores anything: the judge holds the tables
against it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from chalicelib.store.envelope import WalletId
from tests.engine.till import Receipt, Till


class Outcome(StrEnum):
    """What one call told its caller. `OK`: committed. `REFUSED`, `BUSY`: not committed, by this call."""

    OK = "ok"
    REFUSED = "refused"
    BUSY = "busy"
    UNKNOWN = "unknown"


Send = Callable[[Till], Receipt]


@dataclass(frozen=True)
class Call:
    """One call of a command. `began` and `ended` order all calls of a history; `said` is a body or a refusal's code."""

    outcome: Outcome
    said: str
    began: int
    ended: int


@dataclass
class Asked:
    """One command under one key, and what its calls were told."""

    step: int
    actor: str
    wallet: WalletId
    command: str
    what: tuple[Any, ...]
    key: str
    operation: str
    send: Send
    calls: list[Call] = field(default_factory=list)
    committed: list[int] = field(default_factory=list)
    """When the engine took a transaction with the record of its operation: once at the most."""

    @property
    def bodies(self) -> set[str]:
        return {call.said for call in self.calls if call.outcome is Outcome.OK}

    @property
    def is_refused(self) -> bool:
        """Whether its caller may rely on it that nothing happened, nor ever will.

        A refusal says so of all calls that had ended when it was asked for; a doubt that came later stands.
        """
        doubts = [call.ended for call in self.calls if call.outcome is Outcome.UNKNOWN]
        if self.bodies or not self.calls:
            return False
        if not doubts:
            return True
        refusals = [call.began for call in self.calls if call.outcome is Outcome.REFUSED]
        return bool(refusals) and max(refusals) > max(doubts)

    @property
    def has_owner(self) -> bool:
        """Whether what was committed is of a call that told so, or that left a doubt: of one that was under way then
        or, since a request may land late, of one before."""
        return all(
            any(
                call.began < moment
                and (call.outcome is Outcome.UNKNOWN or (call.outcome is Outcome.OK and moment < call.ended))
                for call in self.calls
            )
            for moment in self.committed
        )

    def __str__(self) -> str:
        told = ", ".join(f"{call.outcome} {call.said[:60]}".strip() for call in self.calls)
        what = ", ".join(str(each) for each in self.what)
        return f"step {self.step} {self.actor}: {self.command} {self.wallet.customer} ({what}) -> {told or 'nothing'}"


@dataclass
class History:
    """All that was asked in one run."""

    asked: dict[str, Asked] = field(default_factory=dict)
    """By operation id."""
    told: Counter[str] = field(default_factory=Counter)
    _moments: int = 0

    def add(self, asked: Asked) -> Asked:
        return self.asked.setdefault(asked.operation, asked)

    def moment(self) -> int:
        """A number larger than all before it."""
        self._moments += 1
        return self._moments

    def note_commit(self, operation: str) -> None:
        if operation in self.asked:
            self.asked[operation].committed.append(self.moment())

    def tell(self, asked: Asked, outcome: Outcome, said: str, began: int) -> None:
        asked.calls.append(Call(outcome, said, began, self.moment()))
        self.told[outcome] += 1
