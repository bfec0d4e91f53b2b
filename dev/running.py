"""The stack that `make run` started, as the tools beside it find it."""

from __future__ import annotations

import json
from pathlib import Path

from dev.stack import Stack


class NotRunning(Exception):
    """There is no stack in that folder; the message says what to do."""


def running(data: Path) -> Stack:
    """What DATA/stack.json tells of it.

    :raises NotRunning: nobody started one there
    """
    try:
        return Stack(**json.loads((data / "stack.json").read_text()))
    except OSError as error:
        raise NotRunning(f"No stack in {data}: {error}. Start one with `make run` and leave it running.") from error
