"""Calls about the performance of campaigns."""

from __future__ import annotations

from chalicelib.edge.call import Route

PERFORMANCE: tuple[Route, ...] = ()
