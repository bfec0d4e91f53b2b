"""Calls about rules."""

from __future__ import annotations

from chalicelib.edge.call import Route

RULES: tuple[Route, ...] = ()
