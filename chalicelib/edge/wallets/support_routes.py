"""Calls by which support grants credit, and undoes mistakes."""

from __future__ import annotations

from chalicelib.edge.access import WRITE
from chalicelib.edge.call import Later
from chalicelib.edge.wallets.routes import command

_CALLS, _BODIES = "chalicelib.edge.wallets.support_calls", "chalicelib.edge.wallets.support_bodies"
_LOT = ("lot_not_found", "lot_closed")

SUPPORT = (
    command(
        "issue_credit",
        "/credits",
        "Grant credit",
        Later(_CALLS, "issue"),
        body=Later(_BODIES, "CreditBody"),
        answer="LotChanged",
        scopes=WRITE,
        refusals=("expires_in_past", "expiry_not_permitted", "balance_limit_exceeded", "lot_limit_exceeded"),
    ),
    command(
        "debit",
        "/debits",
        "Take credit out, of one lot or in spending order",
        Later(_CALLS, "debit"),
        body=Later(_BODIES, "DebitBody"),
        answer="TakenOut",
        scopes=WRITE,
        refusals=("wallet_frozen", "insufficient_credit", *_LOT),
    ),
    command(
        "revoke_lot",
        "/lots/{lot}/revoke",
        "Take a lot back, or a part of it; what is held stays with its hold",
        Later(_CALLS, "revoke"),
        body=Later(_BODIES, "RevocationBody"),
        answer="LotChanged",
        scopes=WRITE,
        refusals=("insufficient_credit", *_LOT),
    ),
    command(
        "extend_lot",
        "/lots/{lot}/extend",
        "Let a lot live longer; only ever later",
        Later(_CALLS, "extend"),
        body=Later(_BODIES, "ExtensionBody"),
        answer="LotChanged",
        scopes=WRITE,
        refusals=("expires_in_past", "expires_earlier", *_LOT),
    ),
    command(
        "freeze",
        "/freeze",
        "From now nothing is spent or held; grants and reversals still land",
        Later(_CALLS, "freeze"),
        body=Later(_BODIES, "ReasonBody"),
        answer="FrozenOrNot",
        scopes=WRITE,
    ),
    command(
        "unfreeze",
        "/unfreeze",
        "Let credit be spent again",
        Later(_CALLS, "unfreeze"),
        body=Later(_BODIES, "ReasonBody"),
        answer="FrozenOrNot",
        scopes=WRITE,
    ),
    command(
        "waive_debt",
        "/debt/waive",
        "Forgive promotional credit that should have been taken back and was spent before",
        Later(_CALLS, "waive"),
        body=Later(_BODIES, "WaiverBody"),
        answer="TakenOut",
        scopes=WRITE,
        refusals=("amount_out_of_range",),
    ),
)
