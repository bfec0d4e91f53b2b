"""Calls about segments."""

from __future__ import annotations

from chalicelib.edge.call import Route

SEGMENTS: tuple[Route, ...] = ()
