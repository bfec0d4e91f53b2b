"""Calls about campaigns."""

from __future__ import annotations

from chalicelib.edge.call import Route

CAMPAIGNS: tuple[Route, ...] = ()
