"""What the ledger tells of a customer's wallets: figures in the profile, kept current by the stream of entries.

Entries of a wallet come in the order of their sequences, perhaps more than once; each counts once, since the figures
say up to which sequence they go. Credit that a merge moved was granted and will be spent once, and counts as granted in
the wallet where it began; the figures of a merged customer go on in the profile it was merged into.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from chalicelib.customers.activity import WalletFigures, few
from chalicelib.customers.profile import Profile
from chalicelib.customers.store import Profiles
from chalicelib.ledger.booking import SPENDS
from chalicelib.ledger.merging import MERGE
from chalicelib.ledger.model import Entry, EntryType
from chalicelib.runtime.clock import Deadline
from chalicelib.store.converging import converge
from chalicelib.store.envelope import WalletId
from chalicelib.store.reading import Store
from chalicelib.store.writes import Write

FIGURES_SECONDS = 8.0
"""What the entries of one wallet may take."""
NOTHING = WalletFigures()


def observe_entries(
    store: Store, wallet_id: WalletId, entries: Sequence[Entry], deadline: Deadline | None = None
) -> None:
    """Take entries of one wallet, oldest first, into the figures of its customer.

    :raises Busy, Unread: to be tried again; no entry counts twice
    """
    profiles = Profiles(store)

    def decide() -> list[Write]:
        own = profiles.get(wallet_id.customer) or Profile(wallet_id.customer)
        before = own.activity.wallets.get(wallet_id.currency, NOTHING)
        after = observed(before, entries)
        if after == before:
            return []
        writes = [profiles.write(_with(own, wallet_id.currency, after))]
        if own.merged_into is not None:
            there = profiles.standing(own.merged_into)
            known = there.activity.wallets.get(wallet_id.currency, NOTHING)
            writes.append(profiles.write(_with(there, wallet_id.currency, _joined(known, since(before, after)))))
        return writes

    converge(store, deadline or Deadline.after(FIGURES_SECONDS), decide)


def observed(figures: WalletFigures, entries: Sequence[Entry]) -> WalletFigures:
    """The figures after these entries; those that they went over before count for nothing."""
    for entry in entries:
        if entry.sequence > figures.sequence:
            after = _after(figures, entry)
            figures = figures if after is figures else replace(after, sequence=entry.sequence)
    return figures


def joined(one: Mapping[str, WalletFigures], other: Mapping[str, WalletFigures]) -> dict[str, WalletFigures]:
    """The figures of one customer with those of another added; they stay those of the one customer's wallets."""
    told = {
        currency: _joined(one.get(currency, NOTHING), other.get(currency, NOTHING)) for currency in {**one, **other}
    }
    return few(told)


def since(before: WalletFigures, after: WalletFigures) -> WalletFigures:
    """What was added to figures."""
    return replace(
        after,
        issued=after.issued - before.issued,
        redemptions=after.redemptions - before.redemptions,
        redeemed=after.redeemed - before.redeemed,
    )


def _with(profile: Profile, currency: str, figures: WalletFigures) -> Profile:
    wallets = few({**profile.activity.wallets, currency: figures})
    return replace(profile, activity=replace(profile.activity, wallets=wallets))


def _after(figures: WalletFigures, entry: Entry) -> WalletFigures:
    if entry.type is EntryType.ISSUED and not (entry.source and entry.source.type == MERGE):
        first = entry.at if figures.first_issued_at is None else min(figures.first_issued_at, entry.at)
        return replace(figures, issued=figures.issued + entry.amount, first_issued_at=first)
    if entry.type in SPENDS:
        return replace(
            figures,
            redemptions=figures.redemptions + 1,
            redeemed=figures.redeemed - entry.amount,
            last_redeemed_at=entry.at,
        )
    if entry.type is EntryType.RESTORED and entry.redemption is not None:
        return replace(figures, redeemed=figures.redeemed - entry.amount)
    return figures


def _joined(one: WalletFigures, other: WalletFigures) -> WalletFigures:
    return WalletFigures(
        sequence=one.sequence,
        issued=one.issued + other.issued,
        redemptions=one.redemptions + other.redemptions,
        redeemed=one.redeemed + other.redeemed,
        last_redeemed_at=max(filter(None, (one.last_redeemed_at, other.last_redeemed_at)), default=None),
        first_issued_at=min(filter(None, (one.first_issued_at, other.first_issued_at)), default=None),
    )
