"""What can be asked about a wallet. Nothing is written; every wallet is shown as it is now, booked or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.ledger import quoting
from chalicelib.ledger.cart import Cart
from chalicelib.ledger.model import Balance, Entry, Redemption, Wallet, balance
from chalicelib.ledger.quoting import Expiring, Quote
from chalicelib.ledger.refusals import CurrencyUnknown, NotFound
from chalicelib.store.commit import Engine
from chalicelib.store.envelope import WalletId
from chalicelib.store.reading import Subject

if TYPE_CHECKING:
    from chalicelib.ledger.folding import Difference

MAX_EXPLAINED_ENTRIES = 20_000
"""Entries that one explanation replays. A longer history is for the audit command, which has no deadline."""

EXPLANATION_READS = 3
"""Times that a wallet which moves while its ledger is read is read again; then it is explained as it was read last."""
ENTRIES_AHEAD = 100
"""Entries read beyond the wallet's version: a wallet restored from an older backup is behind its ledger."""


@dataclass(frozen=True)
class WalletView:
    """A wallet settled to `at` (milliseconds), as people see it; its version is the stored one."""

    wallet: Wallet
    at: int
    balance: Balance
    expiring: tuple[Expiring, ...]
    exponent: int
    """Decimals of the wallet's amounts."""


@dataclass(frozen=True)
class Explanation:
    """The ledger replayed against the stored wallet."""

    differences: tuple[Difference, ...]
    entries_checked: int
    view: WalletView


class HistoryTooLong(Exception):
    """The wallet has more entries than one explanation replays."""


def wallets_of(engine: Engine, customer: str) -> list[WalletView]:
    """All of a customer's wallets, by currency."""
    seen, now = engine.store.wallets_of(customer)
    return [_view(engine, wallet, now) for wallet in seen]


def wallet(engine: Engine, wallet_id: WalletId) -> WalletView:
    """One wallet; an empty one, version 0, where the customer has none.

    :raises CurrencyUnknown: the code is neither ISO 4217 nor a registered points code
    """
    known_currency(engine, wallet_id)
    seen = engine.store.read(wallet_id)
    return _view(engine, seen.wallet, seen.now)


def entries(engine: Engine, wallet_id: WalletId, before: int | None, limit: int) -> tuple[list[Entry], int | None]:
    """A page of entries, newest first, with sequences below `before`; and the next page's `before`, if any."""
    known_currency(engine, wallet_id)
    return engine.store.entries_before(wallet_id, before, limit)


def redemption(engine: Engine, wallet_id: WalletId, redemption_id: str) -> Redemption:
    """:raises NotFound: the wallet has no such redemption"""
    known_currency(engine, wallet_id)
    found = engine.store.read(wallet_id, Subject(redemption=redemption_id)).redemption
    if found is None:
        raise NotFound("The wallet has no such redemption.", redemption=redemption_id)
    return found


def quote(engine: Engine, wallet_id: WalletId, cart: Cart) -> tuple[Quote, int]:
    """What an order could use of the wallet, lot by lot; and how many decimals its amounts have."""
    known_currency(engine, wallet_id)
    seen, policy = engine.store.read(wallet_id), engine.policy
    return quoting.quote(seen.wallet, cart, seen.now, policy), policy.currencies.get(wallet_id.currency, 0)


def explain(engine: Engine, wallet_id: WalletId) -> Explanation:
    """Replay the whole ledger of the wallet against what is stored.

    :raises HistoryTooLong: past MAX_EXPLAINED_ENTRIES
    """
    from chalicelib.ledger.folding import audit  # seldom asked for

    known_currency(engine, wallet_id)
    for _ in range(EXPLANATION_READS):
        seen = engine.store.read(wallet_id)
        if seen.wallet.version > MAX_EXPLAINED_ENTRIES:
            raise HistoryTooLong
        told = list(engine.store.entries_through(wallet_id, seen.wallet.version + ENTRIES_AHEAD))
        if not told or told[-1].sequence <= seen.wallet.version:
            break
        if engine.store.read(wallet_id).wallet.version == seen.wallet.version:
            break  # nobody is writing: the ledger is ahead of its wallet, and the audit says so
    else:
        told = [entry for entry in told if entry.sequence <= seen.wallet.version]
    differences, checked = audit(seen.wallet, told)
    return Explanation(differences, checked, _view(engine, seen.wallet, seen.now))


def known_currency(engine: Engine, wallet_id: WalletId) -> None:
    """:raises CurrencyUnknown: the code is neither ISO 4217 nor a registered points code"""
    if wallet_id.currency not in engine.policy.currencies:
        raise CurrencyUnknown("The currency is not known.", field="/path/currency", currency=wallet_id.currency)


def _view(engine: Engine, stored: Wallet, now: int) -> WalletView:
    policy = engine.policy
    settled, at = quoting.view(stored, now, policy)
    settled_balance = balance(settled, at)
    version = stored.version
    return WalletView(
        settled,
        at,
        Balance(
            version,
            settled_balance.available,
            settled_balance.pending,
            settled_balance.held,
            settled_balance.debt,
        ),
        quoting.expiring(settled, at),
        policy.currencies.get(stored.currency, 0),
    )
