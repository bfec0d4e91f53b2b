"""How long a process goes by the policy that it has read, and what it does when it cannot read it again."""

from __future__ import annotations

from datetime import UTC

import pytest

from chalicelib.ledger.policy import Policy
from chalicelib.settings.document import completed
from chalicelib.settings.source import FRESH_SECONDS, STALE_SECONDS, StoredPolicies
from chalicelib.store.settings import Shelf, StoredSettings
from chalicelib.store.signals import NewerSchema, Unread


class FakeShelf(Shelf):
    """Settings in a variable; `fails` is raised instead of telling them."""

    def __init__(self) -> None:
        self.settings: StoredSettings | None = None
        self.fails: Exception | None = None
        self.reads = 0

    def read(self) -> StoredSettings | None:
        self.reads += 1
        if self.fails is not None:
            raise self.fails
        return self.settings

    def change(self, version: int, hours: int) -> None:
        self.settings = StoredSettings(version, completed({"released_grace_hours": hours}), 0, "owner")


class Process:
    """One function, its shelf, and a stopwatch in the test's hand."""

    def __init__(self) -> None:
        self.shelf = FakeShelf()
        self.reading = 100.0
        self.policies = StoredPolicies(self.shelf, UTC, lambda: self.reading)

    def after(self, seconds: float) -> Policy:
        self.reading += seconds
        return self.policies.current()


@pytest.fixture
def process() -> Process:
    return Process()


def test_settings_that_were_never_put_are_the_built_in_ones(process: Process) -> None:
    assert process.after(0) == Policy("1", UTC)


def test_a_policy_is_read_once_and_believed_for_seconds(process: Process) -> None:
    first = process.after(0)
    process.shelf.change(1, 48)
    assert process.after(FRESH_SECONDS - 0.001) is first
    assert process.shelf.reads == 1
    changed = process.after(0.001)
    assert (changed.version, changed.released_grace_hours) == ("2", 48)
    assert process.shelf.reads == 2


def test_a_policy_that_cannot_be_read_again_is_believed_for_minutes(process: Process) -> None:
    process.shelf.change(1, 48)
    first = process.after(0)
    process.shelf.fails = Unread("throttled")
    assert process.after(STALE_SECONDS - 0.001) is first
    process.reading += 0.001
    with pytest.raises(Unread):
        process.after(FRESH_SECONDS)


def test_while_it_cannot_be_read_not_every_command_tries(process: Process) -> None:
    first = process.after(0)
    process.shelf.fails = Unread("throttled")
    assert process.after(FRESH_SECONDS) is first
    assert process.after(FRESH_SECONDS - 0.001) is first
    assert process.shelf.reads == 2
    assert process.after(0.001) is first
    assert process.shelf.reads == 3


def test_a_policy_is_young_again_when_it_could_be_read_again(process: Process) -> None:
    process.after(0)
    process.shelf.fails = Unread("throttled")
    process.after(STALE_SECONDS - 1)
    process.shelf.fails = None
    process.after(FRESH_SECONDS)
    process.shelf.fails = Unread("throttled")
    assert process.after(STALE_SECONDS - 1).version == "1"


def test_a_process_that_never_read_a_policy_guesses_none(process: Process) -> None:
    process.shelf.fails = Unread("throttled")
    for _ in range(2):
        with pytest.raises(Unread):
            process.after(1)
    assert process.shelf.reads == 2


def test_settings_of_a_later_code_are_not_guessed_either(process: Process) -> None:
    process.after(0)
    process.shelf.fails = NewerSchema("settings of schema 2")
    with pytest.raises(NewerSchema):
        process.after(FRESH_SECONDS)
