"""Credit of a customer who was merged into another, on its way to who is left of them.

What comes to a wallet at the moment of the merge, by somebody who had not heard of it, is seen by the merge, which
looks once more when it is done, or by that somebody, who looks whether the customer still stands when it is done.

An order stays with the customer under whom it was told, or with the one who spent credit for it, where that is another
id of the same person (`home_of`): that wallet has the history that refunds go by. So what a
refund, a cancellation or a rule gives is booked there, and passed on to the customer who stands for it, in a commit of
its own that moves whatever there is and so does nothing a second time. What a reversal takes is lent there first; what
it then does not take is passed back.

A merge that comes between finds the credit where it was booked, and moves it itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from chalicelib.customers.profile import Profile
from chalicelib.customers.store import Profiles
from chalicelib.ledger.booking import EFFECT, SPENDS
from chalicelib.ledger.granting import ORDER
from chalicelib.ledger.limits import MAX_OPEN_HOLDS, MAX_TRANSACTION_ITEMS
from chalicelib.ledger.lots import Source
from chalicelib.ledger.merging import Moved, lend, merge
from chalicelib.ledger.model import Entry, EntryType, Wallet
from chalicelib.ledger.plans import Act, Plan
from chalicelib.ledger.refusals import BalanceLimitExceeded, HoldOpen, LotLimitExceeded, Refused, WalletFrozen
from chalicelib.ledger.settling import SYSTEM
from chalicelib.runtime.clock import Deadline
from chalicelib.store.commit import Engine
from chalicelib.store.converging import converge
from chalicelib.store.envelope import WalletId, operation_id
from chalicelib.store.order_reading import entries_about
from chalicelib.store.reading import Store
from chalicelib.store.transfer import transfer
from chalicelib.store.writes import Write

# Both wallets with the holds that lapse and what expires, what moves either way, and the profile.
assert 2 * (1 + MAX_OPEN_HOLDS + 1 + 3) + 1 <= MAX_TRANSACTION_ITEMS

IN_THE_WAY = (WalletFrozen, HoldOpen, LotLimitExceeded, BalanceLimitExceeded)
"""What keeps credit in the wallet where it was booked, until the next of its orders or another merge moves it."""


PAYING = SPENDS | {EntryType.RESTORED}
MAX_IDS_ASKED = 100
"""Ids merged into a customer whose wallets are asked what an order was paid with."""


def same_person(store: Store, one: str, other: str) -> bool:
    """Whether two customers have the same profile by now, since they were merged.

    :raises Unread: it could not be read
    """
    if not store.tables.customers_name:
        return False
    profiles = Profiles(store)
    stands, others = profiles.standing(one).customer, profiles.standing(other).customer
    # The one who stood may have been merged into the other while that was read.
    return stands == others or profiles.standing(stands).customer == others


class Home(NamedTuple):
    """The customer under whom an order that is not known yet is to be remembered, and whether that one's credit is
    spent or set aside for it."""

    customer: str
    paid: bool


def home_of(store: Store, wallet: WalletId, order_id: str) -> Home:
    """Of all ids of the person whose wallet this is, the one whose wallet paid an order with credit, or has set some
    aside for it: by what is spent for it still, not by what was given back. Where none did, the one to whom it earned
    something, or else the one who is left: only that one can pay it yet. Where nobody was merged it costs one read, and
    whether the one customer paid is not looked for.

    :raises Unread: it could not be read
    :raises OrderLimitExceeded: see `order_reading.entries_about`
    """
    if not store.tables.customers_name:
        return Home(wallet.customer, paid=False)
    profiles = Profiles(store)
    stands = profiles.standing(wallet.customer)
    if stands.customer == wallet.customer and not stands.depth:
        return Home(wallet.customer, paid=False)
    earner = None
    others = (stands.customer, *profiles.merged_into(stands.customer, MAX_IDS_ASKED))
    for customer in dict.fromkeys((wallet.customer, *others)):
        about = entries_about(store, WalletId(customer, wallet.currency), order_id)
        if _pays(about):
            return Home(customer, paid=True)
        if earner is None and any(entry.earned is not None for entry in about):
            earner = customer
    return Home(earner or stands.customer, paid=False)


def _pays(entries: Iterable[Entry]) -> bool:
    """Whether entries about an order leave credit spent for it, or set aside."""
    spent, held = 0, dict[str | None, int]()
    for entry in entries:
        if entry.type in PAYING:
            spent -= entry.amount
        change = EFFECT[entry.type][1]
        if change:
            parts = sum(part.amount for part in entry.allocations)
            held[entry.hold] = held.get(entry.hold, 0) + change * parts
    return spent > 0 or any(held.values())


def pass_on(
    engine: Engine,
    wallet: WalletId,
    order_id: str | None,
    cause: str,
    deadline: Deadline,
    heir: Profile | None = None,
) -> None:
    """Move all that a wallet has to the customer into whom its own was merged; of a customer who was not, nothing.
    `cause` is the operation that it follows from, and `order_id` the order, if it is about one: its debt is paid then.
    `heir` is the profile that stands, where that was read.

    :raises Busy, Unread: to be tried again; doing it again does nothing twice
    """
    profiles = Profiles(engine.store)
    order = Source(ORDER, order_id) if order_id is not None else None

    def decide() -> list[Write]:
        nonlocal heir
        stands, heir = heir or profiles.standing(wallet.customer), None
        if stands.customer == wallet.customer:
            return []
        (source, target), now = engine.store.wallets([wallet, WalletId(stands.customer, wallet.currency)])
        try:
            moved = merge(source, target, _act("pass_on", cause, now), engine.policy, order=order)
        except IN_THE_WAY:
            return []
        return _writes(profiles, stands, source, target, moved)

    converge(engine.store, deadline, decide, sleep=engine.sleep, uniform=engine.uniform)


def lend_back(
    engine: Engine, wallet: WalletId, wanted: int, first: Source, cause: str, deadline: Deadline, *, dry_run: bool
) -> bool:
    """See to it that a wallet has so much active credit, with what was merged into another customer's: from lots of
    that source first. False where its customer was not merged. A dry run only tells.

    :raises InsufficientCredit, WalletFrozen, LotLimitExceeded: it cannot be lent; nothing changed
    :raises Busy, Unread: to be tried again; doing it again lends only what is missing
    """
    if not engine.store.tables.customers_name:
        return False
    profiles = Profiles(engine.store)
    merged = False
    refused: Refused | None = None

    def decide() -> list[Write]:
        nonlocal merged, refused
        stands, refused = profiles.standing(wallet.customer), None
        merged = stands.customer != wallet.customer
        if not merged:
            return []
        (source, target), now = engine.store.wallets([WalletId(stands.customer, wallet.currency), wallet])
        try:
            moved = lend(source, target, wanted, first, _act("lend_back", cause, now), engine.policy)
        except Refused as refusal:
            # What is read one after the other was perhaps never so at once: credit may have moved in between.
            refused, moved = refusal, None
        if dry_run:
            return []
        if moved is None:
            still = transfer(engine.store, [(each, Plan(each, (), now)) for each in (source, target)])
            return [*still, profiles.check(stands)]
        return _writes(profiles, stands, source, target, moved)

    converge(engine.store, deadline, decide, sleep=engine.sleep, uniform=engine.uniform)
    if refused is not None:
        raise refused
    return merged


def _writes(profiles: Profiles, stands: Profile, source: Wallet, target: Wallet, moved: Moved) -> list[Write]:
    """The move, and that whoever it goes to or comes from still stands."""
    if not moved.amount and not moved.debt:
        return []
    writes = transfer(profiles.documents.store, ((source, moved.source), (target, moved.target)))
    writes.append(profiles.check(stands))
    return writes


def _act(what: str, cause: str, now: int) -> Act:
    return Act(operation_id(f"\0{what}", cause), SYSTEM, now)
