"""What is done to customers. Each names a customer; what was merged into another is refused where somebody means the
one that is gone, and goes to the other where it only happened."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

from chalicelib.customers import distribution
from chalicelib.customers.days import day_of, day_of_date
from chalicelib.customers.happening import Happening, PersonTold, after
from chalicelib.customers.merging import merged, without_behaviour
from chalicelib.customers.passing import pass_on
from chalicelib.customers.profile import MAX_MERGE_DEPTH, Person, Profile, Telling, person_replaced
from chalicelib.customers.refusals import CustomerMerged, MergeTooLarge, WrongCustomer
from chalicelib.customers.store import Profiles, ReadAhead
from chalicelib.ledger.limits import MAX_TRANSACTION_ITEMS
from chalicelib.ledger.merging import Moved, merge
from chalicelib.ledger.plans import Act, Plan
from chalicelib.ledger.policy import Policy
from chalicelib.ledger.refusals import VersionConflict
from chalicelib.runtime.clock import Deadline
from chalicelib.store.commit import Engine
from chalicelib.store.envelope import Answer, WalletId
from chalicelib.store.once import Decide, Deed, once
from chalicelib.store.signals import Busy, OutcomeUnknown, Unread
from chalicelib.store.transfer import transfer
from chalicelib.store.writes import Asked

Show = Callable[[Profile], str]
MAX_MERGED_CURRENCIES = 40
"""Wallets of one customer that are read, with those they go into, to be merged."""


def put(
    engine: Engine,
    customer: str,
    telling: Telling,
    expected_version: int | None,
    deadline: Deadline,
    show: Show,
    *,
    dry_run: bool,
) -> Answer:
    """Say who a customer is; what is left out is said to be nothing. What the customer did stays. One whose data were
    erased is known again from now.

    :raises VersionConflict: the profile has another version than was expected (None: whatever it has)
    :raises CustomerMerged: it was merged into another
    :raises WrongCustomer: born in the future
    """
    profiles = Profiles(engine.store)

    def decide() -> Deed:
        now = engine.store.now()
        _refuse_unborn(telling, now, engine.policy)
        profile = profiles.get(customer) or Profile(customer)
        _refuse_merged(profile)
        if expected_version is not None and profile.version != expected_version:
            raise VersionConflict(
                "The profile has another version by now.", field="/header/If-Match", current_version=profile.version
            )
        person = person_replaced(telling, max(now, profile.person.updated_at or now))
        changed = replace(profile, person=person, erased=False)
        return Deed([profiles.write(changed)], show(replace(changed, version=profile.version + 1)))

    return _once(engine, None, deadline, decide, dry_run=dry_run)


def erase(engine: Engine, customer: str, deadline: Deadline, show: Show, *, dry_run: bool) -> Answer:
    """Erase what is known of a person, and what they looked at. Orders and wallets in numbers stay: so does the ledger,
    in which the customer's id is a pseudonym from now. Also of one who is not known: what is still on its way about
    them is not taken in. A second time nothing changes.

    :raises CustomerMerged: it was merged into another
    """
    profiles = Profiles(engine.store)

    def decide() -> Deed:
        profile = profiles.get(customer) or Profile(customer)
        _refuse_merged(profile)
        if profile.erased:
            return Deed((), show(profile))
        changed = replace(profile, person=Person(), activity=without_behaviour(profile.activity), erased=True)
        return Deed([profiles.write(changed)], show(replace(changed, version=profile.version + 1)))

    return _once(engine, None, deadline, decide, dry_run=dry_run)


def tell(
    engine: Engine,
    what: Happening,
    at: int,
    asked: Asked,
    deadline: Deadline,
    answer: str,
    *,
    ahead: ReadAhead | None = None,
    dry_run: bool = False,
) -> Answer:
    """Take in what happened at an instant (milliseconds), exactly once for its operation. Where the customer's profile
    was read `ahead`, it is not read again to be written, unless it has changed since.

    :raises WrongCustomer: born in the future
    """
    profiles = Profiles(engine.store)
    read = [] if ahead is None else [ahead]

    def decide() -> Deed:
        if isinstance(what, PersonTold):
            _refuse_unborn(what.telling, at, engine.policy)
        known = read.pop() if read else None
        profile = profiles.standing(what.customer, known)
        changed = after(profile, what, at, engine.policy)
        if changed != profile:
            return Deed([profiles.write(changed)], answer)
        # That nothing changes has no condition: it is only said of what is stored now.
        return decide() if known is not None else Deed((), answer)

    return _once(engine, asked, deadline, decide, dry_run=dry_run)


@dataclass(frozen=True)
class Merging:
    """What a merge did: to each pair of wallets by currency, and the profile that both customers have from now."""

    customer: str
    profile: Profile
    moved: dict[str, Moved]
    at: int


def merge_into(
    engine: Engine,
    customer: str,
    into: str,
    actor: str,
    asked: Asked | None,
    deadline: Deadline,
    show: Callable[[Merging], str],
    *,
    dry_run: bool = False,
) -> Answer:
    """Make two customers one: all credit and debt, and what is known, goes to the other; all of it at once.

    A second time, under another key, it moves what the first one has got since; to the last one, where the other was
    merged in its turn. What came to the first one at the very moment follows, as far as nothing is in its way.

    :raises WrongCustomer: both are the same
    :raises CustomerMerged: one of them was merged into another
    :raises MergeTooLarge: see there
    :raises WalletFrozen, HoldOpen, LotLimitExceeded, BalanceLimitExceeded: see `ledger.merging.merge`
    :raises OutcomeUnknown: they may be one by now; a retry with the same key tells
    """
    if customer == into:
        raise WrongCustomer("A customer cannot be merged into itself.", field="/into")
    profiles = Profiles(engine.store)
    operation = asked.operation if asked else "dry_run"

    def decide() -> Deed:
        source, target = _pair(profiles, customer, into)
        wallets, _ = engine.store.wallets_of(customer)
        if len(wallets) > MAX_MERGED_CURRENCIES:
            raise MergeTooLarge("The customer has more wallets than can be merged.", limit=MAX_MERGED_CURRENCIES)
        currencies = [wallet.currency for wallet in wallets]
        ids = [WalletId(each, currency) for currency in currencies for each in (customer, into)]
        read, now = engine.store.wallets(ids) if ids else ([], engine.store.now())
        act, policy = Act(operation, actor, now), engine.policy
        pairs = list(zip(read[::2], read[1::2], strict=True))
        moves = [(giver, taker, merge(giver, taker, act, policy)) for giver, taker in pairs]
        empty = [(giver, Plan(giver, (), now)) for giver, _, move in moves if not (move.amount or move.debt)]
        moves = [each for each in moves if each[2].amount or each[2].debt]
        sides = [side for giver, taker, move in moves for side in ((giver, move.source), (taker, move.target))]
        # What has nothing must have nothing still: an order of the customer may be giving it something at this moment.
        writes = transfer(engine.store, sides + empty)
        after_source, after_target = merged(source, target, now)
        if source.merged_into is None:
            writes += [profiles.write(after_source), profiles.write(after_target), profiles.note_merge(customer, into)]
            writes += distribution.moved(profiles.documents, [(source, after_source), (target, after_target)])
        else:
            # Nothing of the profile changes, but it must still be the one that stands when the credit comes.
            writes.append(profiles.check(target))
            after_target = target
        if len(writes) + 1 > MAX_TRANSACTION_ITEMS:
            raise MergeTooLarge("The wallets have more to be moved than can be written at once.")
        done = Merging(customer, after_target, {giver.currency: move for giver, _, move in moves}, now)
        return Deed(writes, show(done))

    answer = _once(engine, asked, deadline, decide, dry_run=dry_run)
    if not dry_run:
        _follow(engine, customer, operation, deadline)
    return answer


def _follow(engine: Engine, customer: str, merge: str, deadline: Deadline) -> None:
    """Let what came to a customer while the merge was written follow: credit in a currency in which there was no wallet
    yet is in no condition of the merge.

    :raises OutcomeUnknown: the merge stands; whether all has followed is not known
    """
    try:
        wallets, _ = engine.store.wallets_of(customer)
        for wallet in wallets:
            if wallet.lots or wallet.debt:
                pass_on(engine, WalletId(customer, wallet.currency), None, merge, deadline)
    except (Busy, Unread) as error:
        raise OutcomeUnknown from error


def _once(engine: Engine, asked: Asked | None, deadline: Deadline, decide: Decide, *, dry_run: bool) -> Answer:
    store, pause, uniform = engine.store, engine.sleep, engine.uniform
    return once(store, asked, deadline, decide, dry_run=dry_run, sleep=pause, uniform=uniform)


def _pair(profiles: Profiles, customer: str, into: str) -> tuple[Profile, Profile]:
    """:raises CustomerMerged, MergeTooLarge: they cannot be merged"""
    found = profiles.get_many([customer, into])
    source, target = found.get(customer, Profile(customer)), found.get(into, Profile(into))
    _refuse_merged(target, field="/into")
    if source.merged_into is not None and profiles.standing(source.merged_into).customer != into:
        _refuse_merged(source)
    if source.depth + 1 > MAX_MERGE_DEPTH:
        raise MergeTooLarge("Customers were merged one into the other too often.", limit=MAX_MERGE_DEPTH)
    return source, target


def _refuse_merged(profile: Profile, field: str | None = None) -> None:
    if profile.merged_into is not None:
        raise CustomerMerged("The customer was merged into another one.", field=field, merged_into=profile.merged_into)


def _refuse_unborn(telling: Telling, at: int, policy: Policy) -> None:
    born = telling.get("birth_date")
    if born is not None and day_of_date(born) > day_of(at, policy.zone):
        raise WrongCustomer("A birth date is not in the future.", field="/birth_date")


def version_in(answer: Answer) -> int:
    """The version of the profile that an answer shows."""
    told: int = json.loads(answer.body)["version"]
    return told
