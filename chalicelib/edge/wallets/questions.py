"""Handlers of the calls that read: wallets, their entries, a redemption, a quote, the ledger's own explanation."""

from __future__ import annotations

from chalicelib.edge import cursors
from chalicelib.edge.call import Call, Reply
from chalicelib.edge.wallets import bodies, presenter
from chalicelib.wallets import queries


def wallets(call: Call) -> Reply:
    return Reply(presenter.wallets(queries.wallets_of(call.engine(), call.parameters["customer"])))


def wallet(call: Call) -> Reply:
    return Reply(presenter.wallet(queries.wallet(call.engine(), call.wallet_id())))


def entries(call: Call) -> Reply:
    wallet_id, query = call.wallet_id(), call.query
    before = None if query.cursor is None else cursors.position(str(wallet_id), query.cursor)
    page, older = queries.entries(call.engine(), wallet_id, before, query.limit)
    next_cursor = None if older is None else cursors.make(str(wallet_id), older)
    return Reply(presenter.entries(page, next_cursor, shopper=call.shopper))


def explanation(call: Call) -> Reply:
    return Reply(presenter.explanation(queries.explain(call.engine(), call.wallet_id())))


def redemption(call: Call) -> Reply:
    return Reply(presenter.redemption(queries.redemption(call.engine(), call.wallet_id(), call.parameters["id"])))


def quote(call: Call) -> Reply:
    cart = call.body_as(bodies.QuoteBody).order.cart()
    quoted, exponent = queries.quote(call.engine(), call.wallet_id(), cart)
    return Reply(presenter.quote(quoted, call.wallet_id().currency, exponent))
