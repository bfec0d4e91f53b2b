"""A running engine for the replays; MiniStack unless DYNAMODB_ENDPOINT names another."""

from __future__ import annotations

from tests.engine.conftest import endpoint, plain

__all__ = ["endpoint", "plain"]
