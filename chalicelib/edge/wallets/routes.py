"""Calls about wallets: questions, and what a checkout does. What support does: `support_routes`."""

from __future__ import annotations

from collections.abc import Callable

from chalicelib.edge.access import AUDIT, CHECKOUT, READ, WRITE
from chalicelib.edge.call import Call, Later, Reply, Route
from chalicelib.edge.fields import Body
from chalicelib.edge.wallets import bodies
from chalicelib.edge.wallets import calls as wallet_calls
from chalicelib.edge.wallets import questions as wallet_questions

_WALLETS = "/v1/customers/{customer}/wallets"
_WALLET = _WALLETS + "/{currency}"
_SPENDING = ("wallet_frozen", "insufficient_credit", "condition_not_met", "amount_out_of_range")
_HOLD = ("not_found", "hold_closed", "hold_lapsed")

QUESTIONS = (
    Route(
        "list_wallets",
        "GET",
        _WALLETS,
        "All wallets of a customer",
        wallet_questions.wallets,
        answer="WalletList",
        scopes=READ,
        own=True,
    ),
    Route(
        "get_wallet",
        "GET",
        _WALLET,
        "One wallet; an empty one, version 0, where the customer has none",
        wallet_questions.wallet,
        answer="Wallet",
        scopes=READ,
        own=True,
    ),
    Route(
        "list_entries",
        "GET",
        _WALLET + "/entries",
        "The wallet's ledger, newest first; a shopper does not see note and actor",
        wallet_questions.entries,
        answer="EntryPage",
        scopes=READ,
        own=True,
        paged=True,
        refusals=("invalid_cursor",),
    ),
    Route(
        "explain_wallet",
        "GET",
        _WALLET + "/explanation",
        "The ledger replayed against the stored wallet, with every difference",
        wallet_questions.explanation,
        answer="Explanation",
        scopes=READ | AUDIT,
        refusals=("history_too_long",),
    ),
    Route(
        "get_redemption",
        "GET",
        _WALLET + "/redemptions/{id}",
        "One redemption",
        wallet_questions.redemption,
        answer="Redemption",
        scopes=READ,
        refusals=("not_found",),
    ),
    Route(
        "quote",
        "POST",
        "/v1/checkout/quotes",
        "What an order could use of a wallet, and lot by lot why not more",
        wallet_questions.quote,
        answer="Quote",
        scopes=CHECKOUT,
        own=True,
        body=bodies.QuoteBody,
        refusals=("currency_unknown",),
    ),
)


def command(
    name: str,
    path: str,
    summary: str,
    handler: Callable[[Call], Reply] | Later,
    *,
    body: type[Body] | Later,
    answer: str,
    scopes: frozenset[str],
    refusals: tuple[str, ...] = (),
) -> Route:
    """A POST under one wallet that changes it and answers 201."""
    return Route(
        name,
        "POST",
        _WALLET + path,
        summary,
        handler,
        answer,
        scopes,
        body=body,
        status=201,
        mutates=True,
        refusals=refusals,
    )


COMMANDS = (
    command(
        "redeem",
        "/redemptions",
        "Spend credit on an order",
        wallet_calls.redeem,
        body=bodies.RedemptionBody,
        answer="Redeemed",
        scopes=CHECKOUT,
        refusals=_SPENDING,
    ),
    command(
        "reverse_redemption",
        "/redemptions/{id}/reversals",
        "Give credit of a redemption back",
        wallet_calls.reverse,
        body=bodies.ReversalBody,
        answer="GivenBack",
        scopes=CHECKOUT | WRITE,
        refusals=("not_found", "over_reversal", "lot_limit_exceeded"),
    ),
    command(
        "hold",
        "/holds",
        "Set credit aside for an order; an open hold for the same order is replaced",
        wallet_calls.hold,
        body=bodies.HoldBody,
        answer="Held",
        scopes=CHECKOUT,
        refusals=(*_SPENDING, "lot_limit_exceeded"),
    ),
    command(
        "capture_hold",
        "/holds/{id}/captures",
        "Spend held credit; what a final capture leaves is released",
        wallet_calls.capture,
        body=bodies.CaptureBody,
        answer="Captured",
        scopes=CHECKOUT,
        refusals=("wallet_frozen", "over_capture", *_HOLD),
    ),
    command(
        "release_hold",
        "/holds/{id}/release",
        "Give back what a hold sets aside",
        wallet_calls.release,
        body=bodies.ReleaseBody,
        answer="Held",
        scopes=CHECKOUT,
        refusals=_HOLD,
    ),
)
