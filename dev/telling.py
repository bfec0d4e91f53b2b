"""How a demo is told: calls as one role after another, each said aloud, and checks that end it where one fails."""

from __future__ import annotations

import json
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from dev.tokens import mint

TIMEOUT_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: its status, its headers in lower case, its body."""

    status: int
    headers: dict[str, str]
    body: Any


class Teller:
    """Speaks to the API as one role after another, and says what it does."""

    def __init__(self, api: str, data: Path) -> None:
        self._api = api
        self._data = data

    def call(
        self, role: str, method: str, path: str, body: object = None, key: str | None = None, *, aloud: bool = True
    ) -> Reply:
        request = Request(self._api + path, method=method)
        request.add_header("Authorization", f"Bearer {mint(self._data, role)}")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        if method == "POST":
            request.add_header("Idempotency-Key", key or uuid.uuid4().hex)
        try:
            with urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
                reply = Reply(answer.status, _lower(answer.headers.items()), json.load(answer))
        except HTTPError as problem:
            reply = Reply(problem.code, _lower(problem.headers.items()), json.load(problem))
        if aloud:
            print(f"    {role:<8} {method} {path} -> {reply.status}")
        return reply

    def ask(self, role: str, method: str, path: str) -> Reply:
        """Look without a word: what is asked again and again until something has happened."""
        return self.call(role, method, path, aloud=False)


def _lower(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers}


def step(text: str) -> None:
    print(f"\n{text}")


def expect(held: bool, text: str) -> None:
    """Say what holds, or stop the demo."""
    if not held:
        sys.exit(f"    NOT SO: {text}")
    print(f"    ok: {text}")
