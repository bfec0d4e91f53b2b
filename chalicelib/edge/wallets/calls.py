"""Handlers of what a checkout does to a wallet: parse to a command, run the use case, present the plan."""

from __future__ import annotations

from chalicelib.edge.call import Call, Reply, reply
from chalicelib.edge.wallets import bodies, presenter
from chalicelib.wallets import commands


def redeem(call: Call) -> Reply:
    spending = call.body_as(bodies.RedemptionBody).spending()
    return reply(commands.redeem(call.engine(), call.wallet_id(), spending, call.envelope(presenter.redeemed)))


def reverse(call: Call) -> Reply:
    reversal = call.body_as(bodies.ReversalBody).reversal(call.parameters["id"])
    return reply(commands.reverse(call.engine(), call.wallet_id(), reversal, call.envelope(presenter.given_back)))


def hold(call: Call) -> Reply:
    body = call.body_as(bodies.HoldBody)
    envelope = call.envelope(presenter.held)
    return reply(commands.hold(call.engine(), call.wallet_id(), body.spending(), body.ttl, envelope))


def capture(call: Call) -> Reply:
    command = call.body_as(bodies.CaptureBody).capture(call.parameters["id"])
    return reply(commands.capture(call.engine(), call.wallet_id(), command, call.envelope(presenter.captured)))


def release(call: Call) -> Reply:
    envelope = call.envelope(presenter.held)
    return reply(commands.release(call.engine(), call.wallet_id(), call.parameters["id"], envelope))
