"""Handlers of the calls that are about the service itself: is it up, what can it do, what time does it think it is."""

from __future__ import annotations

from chalicelib.edge.call import Call, Reply
from chalicelib.edge.instants import show
from chalicelib.edge.problems import Problem
from chalicelib.edge.service.bodies import ClockBody
from chalicelib.edge.version import VERSION
from chalicelib.edge.wallets import presenter


def health(_: Call) -> Reply:
    """That this function runs. It asks nobody else: a stranger must not be able to make it work."""
    return Reply(presenter.document({"status": "ok", "version": VERSION}))


def description(call: Call) -> Reply:
    """The API's own description; what makes it is imported when somebody asks."""
    from chalicelib.edge.openapi import text

    return Reply(text(frozenset(call.engine().policy.currencies)))


def set_test_clock(call: Call) -> Reply:
    now = call.body_as(ClockBody).now
    _move_clock(call, now)
    return Reply(presenter.document({"now": show(now)}))


def reset_test_clock(call: Call) -> Reply:
    _move_clock(call, None)
    return Reply(presenter.document({"now": None}))


def _move_clock(call: Call, now: int | None) -> None:
    """:raises Problem: feature_disabled: this stage has no test clock"""
    engine = call.engine()
    if not engine.has_test_clock:
        raise Problem("feature_disabled", "This stage has no test clock.")
    if not call.query.dry_run:
        engine.set_clock(now)
