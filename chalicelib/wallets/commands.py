"""What a checkout does to one wallet. Each is: read, decide in the ledger, commit through the one loop.

All of them answer with `Answer`, and raise a `Refused` (nothing changed), `KeyReused`, `Busy` (nothing changed) or
`OutcomeUnknown` (see `store.signals`). A dry run decides the same and changes nothing.
"""

from __future__ import annotations

from chalicelib.ledger import holding, redeeming
from chalicelib.ledger.holding import Capture
from chalicelib.ledger.redeeming import Reversal, Spending
from chalicelib.store.commit import Engine
from chalicelib.store.envelope import Answer, Envelope, WalletId
from chalicelib.store.reading import Subject


def redeem(engine: Engine, wallet: WalletId, command: Spending, envelope: Envelope) -> Answer:
    return engine.execute(
        wallet, envelope, lambda seen, act, policy: redeeming.redeem(seen.wallet, command, act, policy)
    )


def reverse(engine: Engine, wallet: WalletId, command: Reversal, envelope: Envelope) -> Answer:
    return engine.execute(
        wallet,
        envelope,
        lambda seen, act, policy: redeeming.reverse(seen.wallet, seen.redemption, command, act, policy),
        Subject(redemption=command.redemption),
    )


def hold(engine: Engine, wallet: WalletId, command: Spending, ttl_seconds: int, envelope: Envelope) -> Answer:
    return engine.execute(
        wallet,
        envelope,
        lambda seen, act, policy: holding.hold(seen.wallet, command, act, policy, ttl_seconds),
    )


def capture(engine: Engine, wallet: WalletId, command: Capture, envelope: Envelope) -> Answer:
    return engine.execute(
        wallet,
        envelope,
        lambda seen, act, policy: holding.capture(seen.wallet, seen.hold_status, command, act, policy),
        Subject(hold=command.hold),
    )


def release(engine: Engine, wallet: WalletId, hold: str, envelope: Envelope) -> Answer:
    return engine.execute(
        wallet,
        envelope,
        lambda seen, act, policy: holding.release(seen.wallet, seen.hold_status, hold, act, policy),
        Subject(hold=hold),
    )
