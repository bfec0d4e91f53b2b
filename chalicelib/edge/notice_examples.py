"""Examples of requests about notices, by the names of their routes."""

from __future__ import annotations

from typing import Any

REQUESTS: dict[str, Any] = {}
ANSWERS: dict[str, Any] = {}
