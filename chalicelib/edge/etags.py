"""Versions on the wire: a strong ETag, the version in quotes."""

from __future__ import annotations

from chalicelib.edge.problems import invalid
from chalicelib.edge.shapes import compiled

ETAG = r'^"(0|[1-9][0-9]{0,14})"$'
IF_MATCH = "If-Match"
_SHAPE = compiled(ETAG)


def show(version: int) -> str:
    return f'"{version}"'


def expected(if_match: str | None) -> int:
    """The version that an If-Match names: exactly one, and no wildcard; a caller who has seen none overwrites none.

    :raises Problem: validation_failed
    """
    if not if_match:
        raise invalid(f"/header/{IF_MATCH}", "is missing; it must be the ETag that the caller has seen")
    if not _SHAPE.fullmatch(if_match):
        raise invalid(f"/header/{IF_MATCH}", "must be one ETag as it was answered")
    return int(if_match[1:-1])
