"""Handlers of what support does to a wallet: parse to a command, run the use case, present the plan."""

from __future__ import annotations

from chalicelib.edge.call import Call, Reply, reply
from chalicelib.edge.wallets import presenter
from chalicelib.edge.wallets import support_bodies as bodies
from chalicelib.wallets import support


def issue(call: Call) -> Reply:
    grant = call.body_as(bodies.CreditBody).grant()
    return reply(support.issue(call.engine(), call.wallet_id(), grant, call.envelope(presenter.lot_changed)))


def debit(call: Call) -> Reply:
    command = call.body_as(bodies.DebitBody).debit()
    return reply(support.debit(call.engine(), call.wallet_id(), command, call.envelope(presenter.taken_out)))


def revoke(call: Call) -> Reply:
    command = call.body_as(bodies.RevocationBody).revocation(call.parameters["lot"])
    return reply(support.revoke(call.engine(), call.wallet_id(), command, call.envelope(presenter.lot_changed)))


def extend(call: Call) -> Reply:
    command = call.body_as(bodies.ExtensionBody).extension(call.parameters["lot"])
    return reply(support.extend(call.engine(), call.wallet_id(), command, call.envelope(presenter.lot_changed)))


def freeze(call: Call) -> Reply:
    reason = call.body_as(bodies.ReasonBody).reason
    return reply(support.freeze(call.engine(), call.wallet_id(), reason, call.envelope(presenter.frozen_or_not)))


def unfreeze(call: Call) -> Reply:
    reason = call.body_as(bodies.ReasonBody).reason
    return reply(support.unfreeze(call.engine(), call.wallet_id(), reason, call.envelope(presenter.frozen_or_not)))


def waive(call: Call) -> Reply:
    waiver = call.body_as(bodies.WaiverBody).waiver()
    return reply(support.waive(call.engine(), call.wallet_id(), waiver, call.envelope(presenter.taken_out)))
