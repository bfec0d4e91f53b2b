"""The till, empty, for every test of the edge."""

from __future__ import annotations

import pytest

from tests.unit.edge.till import DictionaryEngine, DictionaryInbox, DictionaryShelf, Till


@pytest.fixture
def till(monkeypatch: pytest.MonkeyPatch) -> Till:
    monkeypatch.setenv("STAGE", "local")
    monkeypatch.setenv("WALLETS_TABLE", "wallets")
    monkeypatch.setenv("LEDGER_TABLE", "ledger")
    monkeypatch.setenv("CUSTOMERS_TABLE", "customers")
    monkeypatch.setenv("CAMPAIGNS_TABLE", "campaigns")
    engine = DictionaryEngine()
    monkeypatch.setattr("chalicelib.wiring.engine", lambda: engine)
    monkeypatch.setattr("chalicelib.edge.service.settings_calls.Shelf", DictionaryShelf)
    monkeypatch.setattr("chalicelib.store.inbox.Inbox", DictionaryInbox)
    from app import app

    return Till(app, app.routes, engine)
