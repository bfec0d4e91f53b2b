"""Where templates, webhooks and notices lie in the campaigns table.

    template   #templates / name              {locales: {locale: {part: source}}, products, recommend}
    webhook    #webhooks / whk_…              {url, happenings, secrets: [{secret, until}], created_at}
    notice     n#customer / notice_id         what became of a notice over one channel; see `Record`
    due        r#customer/currency / …        a reminder (its local day), an availability, a guard; see `reminding`
    rendered   stands in the notice: it goes when the customer is erased

A notice's document leaves by its time to live; the others stay until they are deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.ledger.limits import DAY_MS, SECOND_MS
from chalicelib.notices.model import RETENTION_MS, Channel, Notice, Recommend, Status, notice_id, notice_of
from chalicelib.notices.templates import Parts
from chalicelib.store.documents import Document, Documents, Key
from chalicelib.store.envelope import WalletId
from chalicelib.store.reading import Store
from chalicelib.store.writes import Write

TEMPLATES = "#templates"
WEBHOOKS = "#webhooks"
MAX_TEMPLATES = 100
"""Of the merchant's own. Two that are put at the same moment may make one more."""
MAX_WEBHOOKS = 20
MAX_SECRETS = 3
OLD_SECRET_MS = DAY_MS
"""How long a secret is valid after it was replaced."""


def documents(store: Store) -> Documents:
    return Documents(store, store.tables.campaigns_name)


@dataclass(frozen=True, slots=True)
class Template:
    """What notices of one name say. Version 0 is built in."""

    name: str
    locales: Mapping[str, Parts]
    version: int = 0
    products: tuple[str, ...] = ()
    """What it recommends; empty: as `recommend` says."""
    recommend: Recommend = Recommend.BOUGHT_TOGETHER


@dataclass(frozen=True, slots=True)
class Secret:
    """`until` (milliseconds): when it is no longer valid; None for the present one."""

    value: str
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Webhook:
    """Who wants to hear of what; no `happenings` mean all of them."""

    id: str
    url: str
    happenings: tuple[str, ...]
    secrets: tuple[Secret, ...]
    created_at: int
    version: int = 0

    def valid(self, now: int) -> tuple[str, ...]:
        """The secrets that are valid at an instant (milliseconds), the present one first."""
        return tuple(each.value for each in self.secrets if each.until is None or each.until > now)

    def rotated(self, secret: str, now: int) -> Webhook:
        """With a new secret; the ones before are valid for OLD_SECRET_MS."""
        before = (
            replace(each, until=min(each.until or now + OLD_SECRET_MS, now + OLD_SECRET_MS)) for each in self.secrets
        )
        kept = tuple(each for each in before if each.until is not None and each.until > now)
        return replace(self, secrets=(Secret(secret), *kept)[:MAX_SECRETS])


@dataclass(frozen=True, slots=True)
class Record:
    """What became of a notice over one channel. `attempt` names the worker that has it in hand."""

    notice: Notice
    channel: Channel
    status: Status
    since: int
    """When it became so (milliseconds)."""
    receiver: str = ""
    """The webhook's id; empty for the customer."""
    reason: str | None = None
    template: str | None = None
    locale: str | None = None
    tries: int = 0
    attempt: str = ""
    reference: str | None = None
    content: Mapping[str, str | None] | None = None
    version: int = 0

    @property
    def id(self) -> str:
        return notice_id(self.notice, self.channel, self.receiver)

    @property
    def key(self) -> Key:
        return (notices_of(self.notice.wallet.customer), self.id)


def notices_of(customer: str) -> str:
    return f"n#{customer}"


def template_of(document: Document) -> Template:
    """As it was put. One that says nothing of `recommend` was put before there was a choice, and stays as it was."""
    body = document.body
    recommend = Recommend(body.get("recommend", Recommend.LAST_SEEN))
    return Template(document.key[1], body["locales"], document.version, tuple(body.get("products", ())), recommend)


def template_saved(docs: Documents, template: Template, expected: int) -> Write:
    locales = {locale: dict(parts) for locale, parts in template.locales.items()}
    body = {"locales": locales, "products": list(template.products), "recommend": template.recommend.value}
    return docs.save((TEMPLATES, template.name), body, expected)


def own_templates(docs: Documents) -> list[Template]:
    """The merchant's own, by name."""
    return [template_of(document) for document in docs.all(TEMPLATES, limit=MAX_TEMPLATES)]


def webhooks(docs: Documents) -> list[Webhook]:
    return [webhook_of(document) for document in docs.all(WEBHOOKS, limit=MAX_WEBHOOKS)]


def webhook_of(document: Document) -> Webhook:
    body = document.body
    secrets = tuple(Secret(each["secret"], each["until"]) for each in body["secrets"])
    return Webhook(
        document.key[1], body["url"], tuple(body["happenings"]), secrets, body["created_at"], document.version
    )


def webhook_saved(docs: Documents, webhook: Webhook, expected: int) -> Write:
    body = {
        "url": webhook.url,
        "happenings": list(webhook.happenings),
        "secrets": [{"secret": each.value, "until": each.until} for each in webhook.secrets],
        "created_at": webhook.created_at,
    }
    return docs.save((WEBHOOKS, webhook.id), body, expected)


def record_saved(docs: Documents, record: Record) -> Write:
    """Put what became of a notice in the place of the version that was read."""
    body: dict[str, Any] = {
        "notice": record.notice.told(),
        "channel": record.channel.value,
        "receiver": record.receiver,
        "status": record.status.value,
        "since": record.since,
        "reason": record.reason,
        "template": record.template,
        "locale": record.locale,
        "tries": record.tries,
        "attempt": record.attempt,
        "reference": record.reference,
        "content": None if record.content is None else dict(record.content),
    }
    gone_at = (record.since + RETENTION_MS) // SECOND_MS
    return docs.save(record.key, body, record.version, delete_after=gone_at)


def record_of(document: Document) -> Record:
    body = document.body
    return Record(
        notice=notice_of(body["notice"]),
        channel=Channel(body["channel"]),
        status=Status(body["status"]),
        since=body["since"],
        receiver=body["receiver"],
        reason=body["reason"],
        template=body["template"],
        locale=body["locale"],
        tries=body["tries"],
        attempt=body["attempt"],
        reference=body["reference"],
        content=body["content"],
        version=document.version,
    )


def records(docs: Documents, keys: Iterable[Key]) -> dict[Key, Record]:
    """Those of these notices of which something is known.

    :raises Unread: DynamoDB could not be read, retries included
    """
    return {key: record_of(document) for key, document in docs.get_many(keys).items()}


def due_of(wallet: WalletId) -> str:
    """Hash key of what is to be done about a wallet at some time."""
    return f"r#{wallet}"
