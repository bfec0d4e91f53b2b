"""Matching: a tree becomes one function of a profile, made once and asked for each of any number of profiles.

Three-valued, as Kleene has it: what is not known stays unknown under `not`, decides an `all` that is not false already,
and an `any` that is not true already; and only who is known to match is a member. What a wallet itself has to tell is
not known while it was not read: so a matcher says of most profiles without reading any wallet.
"""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.customers.profile import Profile
from chalicelib.ledger.model import Wallet
from chalicelib.segments import values
from chalicelib.segments.comparing import Answer
from chalicelib.segments.facts import Facts
from chalicelib.segments.fields import WALLET_FIELDS
from chalicelib.segments.questions import Asked, WalletOf, opposite, question
from chalicelib.segments.where import Every, Leaf, Not, Some, Where, leaves


@dataclass(frozen=True, slots=True)
class Matcher:
    """One tree under the facts of one moment. `needs_wallet`: it may ask for what only the wallet tells."""

    asked: Asked
    needs_wallet: bool
    wallet_leaves: tuple[Leaf, ...]
    facts: Facts

    def verdict(self, profile: Profile, wallet_of: WalletOf | None = None) -> Answer:
        """Whether the customer is a member; None where that is not known, without the wallets or at all. Who was erased
        or merged into another is none."""
        return False if gone(profile) else self.asked(profile, wallet_of or unread)

    def matches(self, profile: Profile, wallet_of: WalletOf | None = None) -> bool:
        """Whether the customer is known to be a member."""
        return self.verdict(profile, wallet_of) is True

    def currencies(self, profile: Profile) -> frozenset[str]:
        """Currencies of the wallets that it asks for."""
        told = (values.currency_of(profile, leaf, self.facts) for leaf in self.wallet_leaves)
        return frozenset(currency for currency in told if currency is not None)


def compile(where: Where, facts: Facts) -> Matcher:  # noqa: A001 what it is called everywhere
    """The matcher of a tree at this moment."""
    asking = tuple(leaf for leaf in leaves(where) if leaf.field in WALLET_FIELDS)
    return Matcher(_asked(where, facts), bool(asking), asking, facts)


def gone(profile: Profile) -> bool:
    """Whether the customer was erased, or merged into another: such a one is a member of nothing."""
    return profile.erased or profile.merged_into is not None


def unread(_currency: str) -> Wallet | None:
    """Where no wallet was read."""
    return None


def _asked(where: Where, facts: Facts) -> Asked:
    match where:
        case Leaf():
            return question(where, facts)
        case Not(part):
            return opposite(_asked(part, facts))
        case Every(parts):
            return _branch([_asked(part, facts) for part in parts], decides=False)
        case Some(parts):
            return _branch([_asked(part, facts) for part in parts], decides=True)


def _branch(parts: list[Asked], *, decides: bool) -> Asked:
    """All of them (one False decides), or any (one True does)."""
    if len(parts) == 1:
        return parts[0]

    def asked(profile: Profile, wallet_of: WalletOf) -> Answer:
        told: Answer = not decides
        for part in parts:
            answer = part(profile, wallet_of)
            if answer is decides:
                return decides
            if answer is None:
                told = None
        return told

    return asked
