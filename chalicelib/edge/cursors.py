"""Cursors: where a list goes on. Opaque to callers, and good for the list that they were made for alone.

A cursor is base64url of `<position>.<checksum>`; the checksum covers the list and the position. It guards against
mistakes and tampering, not against a caller who may read the list anyway: there is no secret in it.
"""

from __future__ import annotations

import hashlib
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

_CURSOR = re.compile(r"[A-Za-z0-9_-]{1,400}")
_POSITION = re.compile(r"[1-9][0-9]{0,15}")
_CONTENT = re.compile(rb"([0-9a-z-]{1,272})\.([0-9a-f]{16})")


class InvalidCursor(Exception):
    """It was not made for this list, or not by us."""


def make(of: str, position: int) -> str:
    """A cursor of the list `of`, for what comes after `position` (from 1)."""
    return make_key(of, str(position))


def make_key(of: str, key: str) -> str:
    """A cursor of the list `of`, for what comes after `key`: of `0-9 a-z -`, at most 272 of them, which is enough for a
    customer's id in hexadecimal."""
    return urlsafe_b64encode(f"{key}.{_checksum(of, key)}".encode()).decode().rstrip("=")


def position(of: str, cursor: str) -> int:
    """:raises InvalidCursor: see there"""
    told = key(of, cursor)
    if not _POSITION.fullmatch(told):
        raise InvalidCursor
    return int(told)


def key(of: str, cursor: str) -> str:
    """:raises InvalidCursor: see there"""
    if not _CURSOR.fullmatch(cursor) or len(cursor) % 4 == 1:
        raise InvalidCursor
    content = _CONTENT.fullmatch(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    if content is None:
        raise InvalidCursor
    told = content.group(1).decode()
    # Made again and compared: base64 has several spellings for the last character, and only ours counts.
    if make_key(of, told) != cursor:
        raise InvalidCursor
    return told


def _checksum(of: str, key: str) -> str:
    return hashlib.sha256(f"{of}\0{key}".encode()).hexdigest()[:16]
