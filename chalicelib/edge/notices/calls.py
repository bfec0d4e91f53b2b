"""Handlers of the calls about notices, their templates and webhooks."""

from __future__ import annotations

from typing import Any

from chalicelib.edge import cursors
from chalicelib.edge.call import Call, Reply, reply
from chalicelib.edge.instants import show
from chalicelib.edge.notices.bodies import PreviewBody, TemplateBody, WebhookBody
from chalicelib.edge.problems import invalid
from chalicelib.edge.shapes import compiled
from chalicelib.edge.wallets import presenter
from chalicelib.notices import commands, queries
from chalicelib.notices.defaults import BUILT_IN
from chalicelib.notices.model import Recommend
from chalicelib.notices.store import Record, Template, Webhook, documents
from chalicelib.notices.templates import PARTS

Json = dict[str, Any]
_TEMPLATES = "notice-templates"
_TEMPLATE_NAME = compiled(r"^[a-z0-9-]{1,48}$")
"""Small, so that a name can stand in a cursor."""


def templates(call: Call) -> Reply:
    after = "" if call.query.cursor is None else cursors.key(_TEMPLATES, call.query.cursor)
    found = [each for each in queries.all_templates(call.engine().store) if each.name > after]
    page = found[: call.query.limit]
    more = cursors.make_key(_TEMPLATES, page[-1].name) if len(found) > len(page) else None
    return Reply(presenter.document({"data": [_line(each) for each in page], "next_cursor": more}))


def template(call: Call) -> Reply:
    return _shown(queries.template(documents(call.engine().store), call.parameters["template"]))


def put_template(call: Call) -> Reply:
    name, body = call.parameters["template"], call.body_as(TemplateBody)
    if _TEMPLATE_NAME.fullmatch(name) is None:
        raise invalid("/path/template", "must be 1-48 characters of a-z 0-9 -")
    expected = call.expected_version if call.if_match else None
    store, wanted, dry_run = (
        call.engine().store,
        Template(name, body.parts(), products=body.products or (), recommend=Recommend(body.recommend)),
        call.query.dry_run,
    )
    return _shown(commands.put_template(store, wanted, expected, call.deadline, template_told, dry_run=dry_run))


def delete_template(call: Call) -> Reply:
    name = call.parameters["template"]
    commands.delete_template(call.engine().store, name, call.deadline, dry_run=call.query.dry_run)
    return Reply(presenter.document({"id": name, "deleted": True}))


def preview(call: Call) -> Reply:
    asked, name = call.body_as(PreviewBody), call.parameters["template"]
    locale, content = queries.preview(call.engine().store, name, asked.locale, asked.values())
    return Reply(presenter.document({"locale": locale, **content.told()}))


def create_webhook(call: Call) -> Reply:
    asked = call.body_as(WebhookBody)
    happenings = tuple(dict.fromkeys(asked.happenings or ()))
    store, key = call.engine().store, call.asked_document()
    return reply(commands.create_webhook(store, asked.url, happenings, key, call.deadline, webhook_with_secret))


def webhooks(call: Call) -> Reply:
    found = [webhook_told(each) for each in queries.webhooks(call.engine().store)]
    return Reply(presenter.document({"data": found, "next_cursor": None}))


def rotate_webhook(call: Call) -> Reply:
    store, webhook, asked = call.engine().store, call.parameters["webhook"], call.asked_document()
    return reply(commands.rotate_webhook(store, webhook, asked, call.deadline, webhook_with_secret))


def delete_webhook(call: Call) -> Reply:
    webhook = call.parameters["webhook"]
    commands.delete_webhook(call.engine().store, webhook, call.deadline, dry_run=call.query.dry_run)
    return Reply(presenter.document({"id": webhook, "deleted": True}))


def notices(call: Call) -> Reply:
    customer, query = call.parameters["customer"], call.query
    of = f"notices/{customer}"
    before = None if query.cursor is None else cursors.key(of, query.cursor)
    page, older = queries.notices(call.engine().store, customer, before, query.limit)
    more = None if older is None else cursors.make_key(of, older)
    return Reply(presenter.document({"data": [notice_told(each) for each in page], "next_cursor": more}))


def template_told(found: Template) -> str:
    locales = {locale: {part: parts.get(part) for part in PARTS} for locale, parts in sorted(found.locales.items())}
    recommended = {"products": list(found.products), "recommend": found.recommend.value}
    return presenter.document({**_line(found), "locales": locales, **recommended})


def webhook_told(found: Webhook) -> Json:
    return {
        "id": found.id,
        "url": found.url,
        "happenings": list(found.happenings),
        "created_at": show(found.created_at),
    }


def webhook_with_secret(made: Webhook) -> str:
    """The one answer that tells a secret."""
    present, *before = made.secrets
    until = [each.until for each in before if each.until is not None]
    told = {"secret": present.value, "previous_valid_until": show(max(until)) if until else None}
    return presenter.document(webhook_told(made) | told)


def notice_told(record: Record) -> Json:
    return {
        "key": record.notice.key,
        "happening": record.notice.happening.value,
        "channel": record.channel.value,
        "receiver": record.receiver or None,
        "status": record.status.value,
        "reason": record.reason,
        "at": show(record.notice.at),
        "status_since": show(record.since),
        "template": record.template,
        "locale": record.locale,
        "content": None if record.content is None else dict(record.content),
    }


def _line(found: Template) -> Json:
    return {
        "name": found.name,
        "built_in": found.name in BUILT_IN,
        "version": found.version,
        "locales": sorted(found.locales),
    }


def _shown(found: Template) -> Reply:
    return Reply(template_told(found), version=found.version)
