"""Calls about customers."""

from __future__ import annotations

from chalicelib.edge.call import Route

CUSTOMERS: tuple[Route, ...] = ()
