"""Handlers of the calls about the merchant's settings. They are seldom asked for; what only they need, they import."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.edge.call import Call, Reply
from chalicelib.edge.instants import show
from chalicelib.edge.wallets import presenter
from chalicelib.store.settings import Shelf

if TYPE_CHECKING:
    from chalicelib.settings.queries import SettingsView


def settings(call: Call) -> Reply:
    from chalicelib.settings import queries

    return _reply(queries.settings(Shelf(call.engine().store)))


def put(call: Call) -> Reply:
    from chalicelib.edge.service.settings_bodies import SettingsBody
    from chalicelib.settings import commands

    assert call.identity is not None, "nothing is changed without a token"
    document = call.body_as(SettingsBody).document()
    shelf, actor, dry_run = Shelf(call.engine().store), call.identity.sub, call.query.dry_run
    return _reply(commands.put(shelf, document, call.expected_version, actor, dry_run=dry_run))


def shown(view: SettingsView) -> str:
    """The whole document with its version; an expiry's instant as people read it."""
    told: dict[str, Any] = {
        **view.document,
        "refund_bonus_expires": _expiry(view.document["refund_bonus_expires"]),
        "version": view.version,
        "updated_at": None if view.updated_at is None else show(view.updated_at),
        "updated_by": view.updated_by,
    }
    for name in ("expiry_of_kind", "expiry_of_class"):
        told[name] = {each: _expiry(expires) for each, expires in view.document[name].items()}
    return presenter.document(told)


def _reply(view: SettingsView) -> Reply:
    return Reply(shown(view), version=view.version)


def _expiry(told: dict[str, Any] | None) -> dict[str, Any] | None:
    match told:
        case {"at": instant}:
            return {"at": show(instant)}
    return told
