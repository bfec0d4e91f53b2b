"""The one thing that can be done to the settings: put a document in the place of the version that the caller has seen.

Nothing is tried twice. Where the put did not happen, reading tells whether somebody else's did. Where its answer was
lost, reading tells whose stands there: ours, or another's in its place. What was there before may still be replaced by
ours, and what is later may have replaced it: that is left open.
"""

from __future__ import annotations

from chalicelib.ledger.refusals import VersionConflict
from chalicelib.settings.document import Json, accepted
from chalicelib.settings.queries import SettingsView, seen
from chalicelib.store.commit import API_FUNCTION_SECONDS
from chalicelib.store.connections import LONGEST_READ_SECONDS, REQUEST_SECONDS
from chalicelib.store.settings import Shelf, StoredSettings
from chalicelib.store.signals import Busy, OutcomeUnknown, Signal, Unread

assert LONGEST_READ_SECONDS + REQUEST_SECONDS + LONGEST_READ_SECONDS < API_FUNCTION_SECONDS


def put(shelf: Shelf, document: Json, expected_version: int, actor: str, *, dry_run: bool = False) -> SettingsView:
    """Replace the settings by a document, which may leave things out, if their version is the expected one.

    Of several that expect the same version one wins. A dry run answers the same and stores nothing.

    :raises VersionConflict: the version is another, by now; nothing changed
    :raises SettingNotPermitted: see `document.accepted`; nothing changed
    :raises Unread: the settings could not be read; nothing changed
    :raises Busy: nothing changed; try again
    :raises OutcomeUnknown: it may be in force
    """
    stored, now = shelf.read_now()
    before = seen(stored)
    if before.version != expected_version:
        raise _conflict(before.version)
    after = StoredSettings(expected_version + 1, accepted(document, before.document), now, actor)
    if not dry_run:
        _store(shelf, after)
    return seen(after)


def _store(shelf: Shelf, after: StoredSettings) -> None:
    signal = shelf.put(after)
    if signal is Signal.COMMITTED:
        return
    if signal is Signal.UNKNOWN:
        _find_out(shelf, after)
        return
    version = seen(shelf.read()).version
    if version >= after.version:
        raise _conflict(version)
    raise Busy


def _find_out(shelf: Shelf, after: StoredSettings) -> None:
    """Return if these settings were stored although nobody heard of it."""
    try:
        there = shelf.read()
    except Unread:
        raise OutcomeUnknown from None
    if there is None or there.version != after.version:
        raise OutcomeUnknown
    if there != after:
        raise _conflict(there.version)


def _conflict(version: int) -> VersionConflict:
    return VersionConflict(
        "The settings have another version by now.", field="/header/If-Match", current_version=version
    )
