"""Settling: due wallets are read together, brought to the present by the ledger, and booked in one transaction.

Fifty wallets take one read and one write round trip. What cannot be booked together (one of them has moved, a conflict,
no answer) is booked wallet by wallet, through the commit loop. Neither remembers anything: a wallet that was settled
before has nothing due any more, so any of it may be done again, by several at once, and in any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from chalicelib.ledger.model import Wallet
from chalicelib.ledger.plans import Act, Plan
from chalicelib.ledger.policy import Policy
from chalicelib.ledger.settling import SYSTEM, open_book
from chalicelib.runtime.clock import Deadline
from chalicelib.store.commit import ATTEMPT_SECONDS, Engine
from chalicelib.store.connections import LONGEST_READ_SECONDS
from chalicelib.store.envelope import Envelope, Trace, WalletId, operation_id
from chalicelib.store.reading import Seen
from chalicelib.store.settlement import Settlement, commit_group, transactions_of
from chalicelib.store.signals import Busy, Signal

GROUP_SECONDS = LONGEST_READ_SECONDS + ATTEMPT_SECONDS
"""What one read and one transaction may take; with less time left no group is begun."""


@dataclass(frozen=True, slots=True)
class Settled:
    """How it went with wallets that were to be settled together."""

    booked: int
    """Wallets that entries were written for."""
    conflicts: int
    """Transactions that were not committed, or not heard of."""
    left: tuple[WalletId, ...]
    """Wallets of those transactions: they are to be settled one by one."""


def settle_together(engine: Engine, wallets: Sequence[WalletId], deadline: Deadline) -> Settled:
    """Bring wallets (all different) to the present: those that are due, each in one transaction with its neighbours.

    :raises Busy: there is no time left to
    :raises Unread: DynamoDB could not be read, retries included; nothing changed
    """
    if deadline.remaining_seconds < GROUP_SECONDS:
        raise Busy
    policy = engine.policy
    seen, now = engine.store.wallets(wallets)
    due = [each for wallet in seen if (each := settlement(wallet, now, policy)) is not None]
    booked, conflicts, left = 0, 0, list[WalletId]()
    for group in transactions_of(engine.store, due):
        in_time = deadline.remaining_seconds >= ATTEMPT_SECONDS
        if in_time and commit_group(engine.store, group) is Signal.COMMITTED:
            booked += len(group)
        else:
            conflicts += in_time
            left += [written.wallet for written in group]
    return Settled(booked, conflicts, tuple(left))


def settle_alone(engine: Engine, wallet_id: WalletId, deadline: Deadline) -> Trace:
    """Bring one wallet to the present through the commit loop; how that went. `entries` is None: nothing was due.

    :raises Busy, OutcomeUnknown: it is not known to be settled; it may be tried again at any time
    """
    envelope = Envelope(
        caller=SYSTEM,
        actor=SYSTEM,
        key=None,
        fingerprint="",
        deadline=deadline,
        present=lambda _: "",
        remembered=False,
    )
    engine.execute(wallet_id, envelope, _decide)
    return envelope.trace


def _decide(seen: Seen, act: Act, policy: Policy) -> Plan:
    book = open_book(seen.wallet, replace(act, operation=_operation(seen.wallet)), policy)
    return Plan(book.wallet, book.entries, book.at)


def settlement(wallet: Wallet, now: int, policy: Policy) -> Settlement | None:
    """What time has done to a wallet, None if nothing."""
    book = open_book(wallet, Act(_operation(wallet), SYSTEM, now), policy)
    return Settlement(wallet.version, book.wallet, book.entries) if book.entries else None


def _operation(wallet: Wallet) -> str:
    """One name for settling this version of the wallet, whoever does it: of several only one is ever committed."""
    return operation_id(SYSTEM, f"settle/{wallet.customer}/{wallet.currency}/{wallet.version}")
