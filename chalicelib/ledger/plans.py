"""What is asked of a wallet, and what was decided: values between the shell, which reads and commits, and the core."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.ledger.lots import Lot
from chalicelib.ledger.model import Entry, Hold, HoldStatus, Redemption, Wallet

if TYPE_CHECKING:
    from chalicelib.ledger.orders import Order


@dataclass(frozen=True, slots=True)
class Tally:
    """A number kept beside a wallet: how often something was given to its customer, how much, and when last."""

    times: int = 0
    amount: int = 0
    last_at: int = 0


@dataclass(frozen=True)
class Act:
    """Who does what under which operation, and when by the caller's clock (milliseconds)."""

    operation: str
    actor: str
    at: int


@dataclass(frozen=True)
class Plan:
    """What an operation decided: the wallet after it, the entries that make it so, what answer and records need."""

    wallet: Wallet
    entries: tuple[Entry, ...]
    at: int
    lots: tuple[Lot, ...] = ()
    """Lots that the answer shows, as they are afterwards."""
    redemption: Redemption | None = None
    """Made by this operation."""
    amended: tuple[Redemption, ...] = ()
    """Earlier redemptions, after what was given back of them."""
    hold: Hold | None = None
    hold_status: HoldStatus | None = None
    """The hold that the answer shows, and what became of it."""
    opens_hold: bool = False
    closed_holds: tuple[tuple[str, HoldStatus], ...] = ()
    """Earlier holds that this operation ended, for their records. A lapse is not recorded: it follows from the time."""
    order: Order | None = None
    """The order as it is to be remembered from now."""
    repeats: bool = False
    """It was done before, under another key; nothing is done again."""
    refund: str | None = None
    """The refund that this operation is found under."""
    tally: Tally | None = None
    """The number kept beside the wallet, as it is from now; None leaves it as it is."""
