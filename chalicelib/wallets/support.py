"""What support does to one wallet. Each is: read, decide in the ledger, commit through the one loop.

They answer, and raise, as those of `commands`.
"""

from __future__ import annotations

from chalicelib.ledger import correcting, granting, indebting
from chalicelib.ledger.correcting import Debit, Extension, Revocation
from chalicelib.ledger.granting import Grant
from chalicelib.ledger.indebting import Waiver
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
