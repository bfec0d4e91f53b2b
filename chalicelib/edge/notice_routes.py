"""Calls about notices."""

from __future__ import annotations

from chalicelib.edge.call import Route

NOTICES: tuple[Route, ...] = ()
