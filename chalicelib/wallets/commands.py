"""Everything that can be done to one wallet. Each is: read, decide in the ledger, commit through the one loop.

All of them answer with `Answer`, and raise a `Refused` (nothing changed), `KeyReused`, `Busy` (nothing changed) or
`OutcomeUnknown` (see `store.signals`). A dry run decides the same and changes nothing.
"""

from __future__ import annotations

from chalicelib.ledger import correcting, granting, holding, indebting, redeeming
from chalicelib.ledger.correcting import Debit, Extension, Revocation
from chalicelib.ledger.granting import Grant
from chalicelib.ledger.holding import Capture
from chalicelib.ledger.indebting import Waiver
from chalicelib.ledger.redeeming import Reversal, Spending
from chalicelib.store.commit import Engine
from chalicelib.store.envelope import Answer, Envelope, WalletId
from chalicelib.store.reading import Subject


def issue(engine: Engine, wallet: WalletId, grant: Grant, envelope: Envelope) -> Answer:
    return engine.execute(wallet, envelope, lambda seen, act, policy: granting.issue(seen.wallet, grant, act, policy))


def debit(engine: Engine, wallet: WalletId, command: Debit, envelope: Envelope) -> Answer:
    return engine.execute(
        wallet,
        envelope,
        lambda seen, act, policy: correcting.debit(
            seen.wallet, command, act, policy, lot_was_issued=seen.lot_was_issued
        ),
        Subject(lot=command.lot),
    )


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


def revoke(engine: Engine, wallet: WalletId, command: Revocation, envelope: Envelope) -> Answer:
    return engine.execute(
        wallet,
        envelope,
        lambda seen, act, policy: correcting.revoke(
            seen.wallet, command, act, policy, lot_was_issued=seen.lot_was_issued
        ),
        Subject(lot=command.lot),
    )


def extend(engine: Engine, wallet: WalletId, command: Extension, envelope: Envelope) -> Answer:
    return engine.execute(
        wallet,
        envelope,
        lambda seen, act, policy: correcting.extend(
            seen.wallet, command, act, policy, lot_was_issued=seen.lot_was_issued
        ),
        Subject(lot=command.lot),
    )


def freeze(engine: Engine, wallet: WalletId, reason: str, envelope: Envelope) -> Answer:
    return engine.execute(
        wallet, envelope, lambda seen, act, policy: correcting.freeze(seen.wallet, reason, act, policy)
    )


def unfreeze(engine: Engine, wallet: WalletId, reason: str, envelope: Envelope) -> Answer:
    return engine.execute(
        wallet, envelope, lambda seen, act, policy: correcting.unfreeze(seen.wallet, reason, act, policy)
    )


def waive(engine: Engine, wallet: WalletId, command: Waiver, envelope: Envelope) -> Answer:
    return engine.execute(
        wallet, envelope, lambda seen, act, policy: indebting.waive(seen.wallet, command, act, policy)
    )
