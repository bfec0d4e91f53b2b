"""The merchant's settings as stored: one item, replaced whole, on the condition that its version is the one before.

A version that was never stored has no item; so the first put demands that there is none.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from pynamodb.exceptions import TransactWriteError
from pynamodb.transactions import TransactWrite

from chalicelib.store.reading import Store
from chalicelib.store.signals import NewerSchema, Signal, signal_of
from chalicelib.store.tables import SETTINGS_KEY

SETTINGS_SCHEMA = 1
"""Version of the document's layout that this code writes and understands."""


class StoredSettings(NamedTuple):
    """One version of the settings: the document, who put it, and when (milliseconds)."""

    version: int
    document: dict[str, Any]
    updated_at: int
    updated_by: str


class Shelf:
    """Where a stack keeps its settings."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def read(self) -> StoredSettings | None:
        """The settings, None where they were never changed; strongly consistent.

        :raises Unread: DynamoDB could not be read, retries included
        :raises NewerSchema: a later version of this code wrote them
        """
        return self._settings(self._store.items([SETTINGS_KEY]).get(SETTINGS_KEY))

    def read_now(self) -> tuple[StoredSettings | None, int]:
        """The same and the present (milliseconds), in one round trip."""
        item, now = self._store.settings_and_now()
        return self._settings(item), now

    def put(self, settings: StoredSettings) -> Signal:
        """Store them in the place of the version before, if that is what is there: once, and say what is known of it.

        :raises TransactWriteError: DynamoDB refused what only a defect of ours can make it refuse
        """
        rows = self._store.tables.settings
        before = settings.version - 1
        unchanged = rows.version == before if before else rows.pk.does_not_exist()
        row = rows(
            *SETTINGS_KEY,
            version=settings.version,
            schema=SETTINGS_SCHEMA,
            document=json.dumps(settings.document, separators=(",", ":"), sort_keys=True),
            updated_at=settings.updated_at,
            updated_by=settings.updated_by,
        )
        try:
            with TransactWrite(connection=self._store.connections.commits) as transaction:
                transaction.save(row, condition=unchanged)
        except TransactWriteError as error:
            return signal_of(error, operation_at=None)
        return Signal.COMMITTED

    def _settings(self, item: dict[str, Any] | None) -> StoredSettings | None:
        if item is None:
            return None
        row = self._store.tables.settings.from_raw_data(item)
        if row.schema > SETTINGS_SCHEMA:
            raise NewerSchema(f"settings of schema {row.schema}")
        return StoredSettings(int(row.version), json.loads(row.document), int(row.updated_at), row.updated_by)
