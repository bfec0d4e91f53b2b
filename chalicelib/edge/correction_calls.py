"""Handlers of the calls by which support corrects a wallet: parse to a command, run the use case, present the plan."""

from __future__ import annotations

from chalicelib.edge import correction_bodies as bodies
from chalicelib.edge import presenter
from chalicelib.edge.call import Call, Reply, reply
from chalicelib.wallets import corrections


def debit(call: Call) -> Reply:
    command = call.body_as(bodies.DebitBody).debit()
    return reply(corrections.debit(call.engine(), call.wallet_id(), command, call.envelope(presenter.taken_out)))


def revoke(call: Call) -> Reply:
    command = call.body_as(bodies.RevocationBody).revocation(call.parameters["lot"])
    return reply(corrections.revoke(call.engine(), call.wallet_id(), command, call.envelope(presenter.lot_changed)))


def extend(call: Call) -> Reply:
    command = call.body_as(bodies.ExtensionBody).extension(call.parameters["lot"])
    return reply(corrections.extend(call.engine(), call.wallet_id(), command, call.envelope(presenter.lot_changed)))


def freeze(call: Call) -> Reply:
    reason = call.body_as(bodies.ReasonBody).reason
    return reply(corrections.freeze(call.engine(), call.wallet_id(), reason, call.envelope(presenter.frozen_or_not)))


def unfreeze(call: Call) -> Reply:
    reason = call.body_as(bodies.ReasonBody).reason
    return reply(corrections.unfreeze(call.engine(), call.wallet_id(), reason, call.envelope(presenter.frozen_or_not)))


def waive(call: Call) -> Reply:
    waiver = call.body_as(bodies.WaiverBody).waiver()
    return reply(corrections.waive(call.engine(), call.wallet_id(), waiver, call.envelope(presenter.taken_out)))
