"""What can be asked about the settings."""

from __future__ import annotations

from typing import NamedTuple

from chalicelib.settings.document import Json, completed
from chalicelib.store.settings import Shelf, StoredSettings


class SettingsView(NamedTuple):
    """The settings in force: the whole document. Version 0 are the built-in ones, which nobody has put."""

    version: int
    document: Json
    updated_at: int | None = None
    updated_by: str | None = None


def settings(shelf: Shelf) -> SettingsView:
    """The settings as they are now, whatever a function still goes by.

    :raises Unread: they could not be read
    """
    return seen(shelf.read())


def seen(stored: StoredSettings | None) -> SettingsView:
    """Settings as stored, or None, as people see them."""
    if stored is None:
        return SettingsView(0, completed({}))
    return SettingsView(stored.version, completed(stored.document), stored.updated_at, stored.updated_by)
