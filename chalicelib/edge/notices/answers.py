"""What is answered about notices, as models."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from chalicelib.edge.answer_parts import Part


class NoticeParts(Part):
    subject: str
    text: str
    html: str | None
    sms: str | None


class NoticeTemplate(Part):
    """A template. Version 0 is built in, and nobody has put another in its place."""

    name: str
    built_in: bool = Field(description="Whether there is one of this name without the merchant's own")
    version: int = Field(ge=0)
    locales: dict[str, NoticeParts]
    products: list[str] = Field(description="What it recommends; nothing here means as `recommend` says")
    recommend: Literal["last_seen", "bought_together"] = Field(
        description="What is bought together most with what the customer saw or bought last, or that itself"
    )


class NoticeTemplateLine(Part):
    name: str
    built_in: bool
    version: int = Field(ge=0)
    locales: list[str]


class NoticeTemplatePage(Part):
    data: list[NoticeTemplateLine]
    next_cursor: str | None


class NoticePreview(NoticeParts):
    """What a notice would say, in which of the template's locales."""

    locale: str


class NoticeThingDeleted(Part):
    id: str
    deleted: Literal[True]


class NoticeWebhook(Part):
    id: str
    url: str
    happenings: list[str] = Field(description="What is told; nothing here means everything")
    created_at: AwareDatetime


class NoticeWebhookWithSecret(NoticeWebhook):
    """The secret is told this once. `previous_valid_until`: until when the secret before it signs as well."""

    secret: str
    previous_valid_until: AwareDatetime | None


class NoticeWebhookPage(Part):
    data: list[NoticeWebhook]
    next_cursor: str | None


class SentNotice(Part):
    """What became of a notice over one channel. `content` is what it said, null where nothing was rendered or the
    customer was erased."""

    key: str
    happening: str
    channel: Literal["email", "sms", "push", "webhook"]
    receiver: str | None = Field(description="The webhook; null for the customer")
    status: Literal["waiting", "sending", "sent", "not_sent", "failed", "unknown"]
    reason: str | None
    at: AwareDatetime = Field(description="When it happened")
    status_since: AwareDatetime
    template: str | None
    locale: str | None
    content: NoticeParts | None


class SentNoticePage(Part):
    data: list[SentNotice]
    next_cursor: str | None
