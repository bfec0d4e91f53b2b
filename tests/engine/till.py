"""A till: one client of the engine. It makes a key for every command, and can send the same command again with it."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chalicelib.edge.wallets import presenter
from chalicelib.ledger.cart import Cart
from chalicelib.ledger.correcting import Debit, Extension, Revocation
from chalicelib.ledger.folding import audit
from chalicelib.ledger.granting import Grant
from chalicelib.ledger.holding import Capture
from chalicelib.ledger.lots import Kind
from chalicelib.ledger.model import Entry, Wallet
from chalicelib.ledger.plans import Plan
from chalicelib.ledger.policy import Expiry
from chalicelib.ledger.redeeming import Reversal, Spending
from chalicelib.runtime.clock import Deadline
from chalicelib.store.commit import Engine
from chalicelib.store.envelope import Answer, Envelope, Trace, WalletId
from chalicelib.store.signals import Busy, OutcomeUnknown
from chalicelib.wallets import commands, support
from tests import invariants

PATIENCE = 50
"""Times that a client sends a command again before a test gives up on it."""


@dataclass(slots=True)
class Receipt:
    """What a command answered, and how it went."""

    answer: Answer
    envelope: Envelope

    @property
    def told(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.answer.body)
        return parsed

    @property
    def replayed(self) -> bool:
        return self.answer.replayed

    @property
    def trace(self) -> Trace:
        return self.envelope.trace

    @property
    def operation(self) -> str:
        return self.envelope.operation

    @property
    def redemption(self) -> str:
        return str(self.told["redemption"]["id"])

    @property
    def hold(self) -> str:
        return str(self.told["hold"]["id"])

    @property
    def lot(self) -> str:
        return str(self.told["lot"]["id"])


def new_wallet(currency: str = "EUR") -> WalletId:
    """A wallet that nobody else has."""
    return WalletId(f"customer-{uuid.uuid4().hex[:16]}", currency)


def new_key() -> str:
    return uuid.uuid4().hex


class Till:
    """Commands as a client sends them. `seconds` is the time one call may take."""

    def __init__(self, engine: Engine, caller: str = "till", seconds: float = 8.0) -> None:
        self.engine = engine
        self.caller = caller
        self.seconds = seconds

    def issue(self, wallet: WalletId, amount: int, kind: Kind = Kind.PROMOTION, **more: Any) -> Receipt:
        how, terms = _split(more)
        grant = Grant(amount, kind, terms.pop("reason", "welcome"), **terms)
        return self._do(support.issue, presenter.lot_changed, wallet, (grant,), how)

    def fill(self, wallet: WalletId, *amounts: int, **more: Any) -> list[str]:
        """The ids of the lots, one for each amount."""
        return [self.issue(wallet, amount, **more).lot for amount in amounts]

    def redeem(
        self, wallet: WalletId, amount: int, order: str | Cart | None = None, partial: bool = False, **how: Any
    ) -> Receipt:
        spending = Spending(amount, _cart(order, how), partial)
        return self._do(commands.redeem, presenter.redeemed, wallet, (spending,), how)

    def reverse(self, wallet: WalletId, redemption: str, amount: int | None = None, **how: Any) -> Receipt:
        return self._do(commands.reverse, presenter.given_back, wallet, (Reversal(redemption, amount),), how)

    def hold(
        self, wallet: WalletId, amount: int, order: str | Cart | None = None, ttl_seconds: int = 1800, **how: Any
    ) -> Receipt:
        spending = Spending(amount, _cart(order, how))
        return self._do(commands.hold, presenter.held, wallet, (spending, ttl_seconds), how)

    def capture(
        self, wallet: WalletId, hold: str, amount: int | None = None, final: bool = True, **how: Any
    ) -> Receipt:
        return self._do(commands.capture, presenter.captured, wallet, (Capture(hold, amount, final),), how)

    def release(self, wallet: WalletId, hold: str, **how: Any) -> Receipt:
        return self._do(commands.release, presenter.held, wallet, (hold,), how)

    def debit(self, wallet: WalletId, amount: int, lot: str | None = None, **how: Any) -> Receipt:
        return self._do(support.debit, presenter.taken_out, wallet, (Debit(amount, "correction", lot=lot),), how)

    def revoke(self, wallet: WalletId, lot: str, amount: int | None = None, **how: Any) -> Receipt:
        return self._do(support.revoke, presenter.lot_changed, wallet, (Revocation(lot, "mistake", amount),), how)

    def extend(self, wallet: WalletId, lot: str, expires: Expiry, **how: Any) -> Receipt:
        return self._do(support.extend, presenter.lot_changed, wallet, (Extension(lot, expires, "goodwill"),), how)

    def freeze(self, wallet: WalletId, **how: Any) -> Receipt:
        return self._do(support.freeze, presenter.frozen_or_not, wallet, ("fraud",), how)

    def unfreeze(self, wallet: WalletId, **how: Any) -> Receipt:
        return self._do(support.unfreeze, presenter.frozen_or_not, wallet, ("cleared",), how)

    # what can be seen
    def stored(self, wallet: WalletId) -> Wallet:
        return self.engine.store.read(wallet).wallet

    def entries(self, wallet: WalletId) -> list[Entry]:
        return list(self.engine.store.entries_through(wallet, 10**9))

    def effects(self, wallet: WalletId, operation: str) -> list[str]:
        """Types of the entries that an operation wrote, what it settled by the way left out."""
        mine = (entry for entry in self.entries(wallet) if entry.operation == operation)
        return [str(entry.type) for entry in mine if entry.actor != "system"]

    def check(self, wallet: WalletId) -> Wallet:
        """Every invariant of the wallet, and the audit; the stored wallet for what more there is to say."""
        stored, entries = self.stored(wallet), self.entries(wallet)
        invariants.check(stored, entries)
        assert audit(stored, entries) == ((), len(entries))
        return stored

    def _do(
        self,
        command: Callable[..., Answer],
        present: Callable[[Plan], str],
        wallet: WalletId,
        what: tuple[Any, ...],
        how: dict[str, Any],
    ) -> Receipt:
        asked = hashlib.sha256(f"{command.__name__} {wallet} {what!r}".encode()).hexdigest()
        envelope = Envelope(
            caller=how.get("caller", self.caller),
            actor="tester",
            key=how.get("key") or new_key(),
            fingerprint=how.get("fingerprint", asked),
            deadline=Deadline.after(how.get("seconds", self.seconds)),
            present=present,
            dry_run=how.get("dry_run", False),
            trace=how.get("trace") or Trace(),
        )
        return Receipt(command(self.engine, wallet, *what, envelope), envelope)


_HOW = frozenset({"caller", "key", "fingerprint", "seconds", "dry_run", "trace"})


def _cart(order: str | Cart | None, how: dict[str, Any]) -> Cart:
    """The order; unless one is named, one that is the same whenever the command is sent again with its key."""
    if isinstance(order, Cart):
        return order
    how["key"] = how.get("key") or new_key()
    return Cart(order or f"order-{how['key'][:12]}")


def _split(more: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    how = {name: value for name, value in more.items() if name in _HOW}
    return how, {name: value for name, value in more.items() if name not in _HOW}


def until_known(command: Callable[..., Receipt], *what: Any, **how: Any) -> Receipt:
    """Send a command with one key until its outcome is known, as a client does.

    :raises Refused: it was refused
    """
    how.setdefault("key", new_key())
    for _ in range(PATIENCE):
        try:
            return command(*what, **how)
        except (Busy, OutcomeUnknown):
            continue
    raise AssertionError(f"no outcome in {PATIENCE} calls")
