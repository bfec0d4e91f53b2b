"""Every kind of command once, each on a wallet made for it: for rules that hold for whatever moves money."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chalicelib.ledger.policy import Never
from chalicelib.store.envelope import WalletId
from tests.engine.till import Receipt, Till, new_wallet


@dataclass(frozen=True, slots=True)
class Movement:
    """A command that is ready to be sent, as often as a test likes, and the entries that one effect of it writes."""

    wallet: WalletId
    send: Callable[..., Receipt]
    entries: list[str]


def issue(till: Till) -> Movement:
    wallet = new_wallet()
    return Movement(wallet, lambda **how: till.issue(wallet, 1_000, **how), ["issued"])


def debit(till: Till) -> Movement:
    wallet = _with_credit(till)
    return Movement(wallet, lambda **how: till.debit(wallet, 1_500, **how), ["debited"])


def redeem(till: Till) -> Movement:
    """All that there is: doing it again would be refused."""
    wallet = _with_credit(till)
    return Movement(wallet, lambda **how: till.redeem(wallet, 1_500, "order-1", **how), ["redeemed"])


def reverse(till: Till) -> Movement:
    """All that is left: doing it again would be refused."""
    wallet = _with_credit(till)
    redemption = till.redeem(wallet, 1_200).redemption
    return Movement(wallet, lambda **how: till.reverse(wallet, redemption, **how), ["restored"])


def hold(till: Till) -> Movement:
    wallet = _with_credit(till)
    return Movement(wallet, lambda **how: till.hold(wallet, 1_500, "order-1", **how), ["held"])


def second_hold(till: Till) -> Movement:
    """It takes the place of an open one for the same order."""
    wallet = _with_credit(till)
    till.hold(wallet, 700, "order-1")
    return Movement(wallet, lambda **how: till.hold(wallet, 1_500, "order-1", **how), ["released", "held"])


def capture(till: Till) -> Movement:
    wallet, held = _with_hold(till)
    return Movement(wallet, lambda **how: till.capture(wallet, held, 900, **how), ["captured", "released"])


def release(till: Till) -> Movement:
    wallet, held = _with_hold(till)
    return Movement(wallet, lambda **how: till.release(wallet, held, **how), ["released"])


def revoke(till: Till) -> Movement:
    wallet = _with_credit(till)
    lot = till.stored(wallet).lots[0].id
    return Movement(wallet, lambda **how: till.revoke(wallet, lot, **how), ["revoked"])


def extend(till: Till) -> Movement:
    """For ever: doing it again would be refused."""
    wallet = _with_credit(till)
    lot = till.stored(wallet).lots[0].id
    return Movement(wallet, lambda **how: till.extend(wallet, lot, Never(), **how), ["extended"])


def freeze(till: Till) -> Movement:
    wallet = _with_credit(till)
    return Movement(wallet, lambda **how: till.freeze(wallet, **how), ["frozen"])


def unfreeze(till: Till) -> Movement:
    wallet = _with_credit(till)
    till.freeze(wallet)
    return Movement(wallet, lambda **how: till.unfreeze(wallet, **how), ["unfrozen"])


MOVEMENTS: tuple[Callable[[Till], Movement], ...] = (
    issue,
    debit,
    redeem,
    reverse,
    hold,
    second_hold,
    capture,
    release,
    revoke,
    extend,
    freeze,
    unfreeze,
)


def named(movement: Any) -> str:
    """How a movement or a fault is called in a test's name."""
    return str(movement.__name__)


def _with_credit(till: Till) -> WalletId:
    wallet = new_wallet()
    till.fill(wallet, 1_000, 500)
    return wallet


def _with_hold(till: Till) -> tuple[WalletId, str]:
    wallet = _with_credit(till)
    return wallet, till.hold(wallet, 1_200, "order-1").hold


def one_effect(till: Till, movement: Movement, operation: str) -> None:
    """It was done, once, and the wallet ties."""
    assert till.effects(movement.wallet, operation) == movement.entries
    till.check(movement.wallet)


def no_effect(till: Till, movement: Movement, version: int) -> None:
    """The wallet ties, and is as it was."""
    assert till.check(movement.wallet).version == version
