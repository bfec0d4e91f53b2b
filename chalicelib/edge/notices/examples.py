"""Examples of requests about notices, by the names of their routes."""

from __future__ import annotations

from typing import Any

_SUBJECT = "{{ amount }} for you"
_TEXT = "Dear customer, {{ amount }} is yours{% if expires_at %} until {{ expires_at }}{% endif %}. {{ how_to_redeem }}"
_PARTS = {"subject": _SUBJECT, "text": _TEXT, "sms": _SUBJECT}
_WEBHOOK = {
    "id": "whk_oqfsz2ulu3yd2k6ytwpdkzwt",
    "url": "https://hooks.example.com/credit",
    "happenings": ["issued", "expiring"],
    "created_at": "2026-03-02T09:00:00Z",
}
_SECRET = "whsec_" + "RXhhbXBsZSBzZWNyZXQsIG9mIG5vIHVzZSB0byBhbnk="
_TEMPLATE = {"name": "credit-issued", "built_in": True, "version": 1}
_RECOMMENDED: dict[str, Any] = {"products": [], "recommend": "bought_together"}
_RENDERED = {
    "subject": "€25.00 for you",
    "text": "Dear customer, €25.00 is yours until 31 March 2027. Sign in and choose your credit at the checkout.",
    "html": None,
    "sms": "€25.00 for you",
}

REQUESTS: dict[str, Any] = {
    "put_notice_template": {"locales": {"en": _PARTS}, "recommend": "bought_together"},
    "preview_notice_template": {"locale": "en", "variables": {"amount": "€25.00"}},
    "create_webhook": {"url": _WEBHOOK["url"], "happenings": _WEBHOOK["happenings"]},
    "rotate_webhook": {},
}
ANSWERS: dict[str, Any] = {
    "list_notice_templates": {"data": [{**_TEMPLATE, "locales": ["en"]}], "next_cursor": None},
    "get_notice_template": {**_TEMPLATE, "locales": {"en": {**_PARTS, "html": None}}, **_RECOMMENDED},
    "put_notice_template": {**_TEMPLATE, "locales": {"en": {**_PARTS, "html": None}}, **_RECOMMENDED},
    "delete_notice_template": {"id": "credit-issued", "deleted": True},
    "preview_notice_template": {"locale": "en", **_RENDERED},
    "create_webhook": {**_WEBHOOK, "secret": _SECRET, "previous_valid_until": None},
    "list_webhooks": {"data": [_WEBHOOK], "next_cursor": None},
    "rotate_webhook": {**_WEBHOOK, "secret": _SECRET, "previous_valid_until": "2026-03-03T09:00:00Z"},
    "delete_webhook": {"id": _WEBHOOK["id"], "deleted": True},
    "list_notices": {
        "data": [
            {
                "key": "alice/EUR/1",
                "happening": "issued",
                "channel": "email",
                "receiver": None,
                "status": "sent",
                "reason": None,
                "at": "2026-03-02T09:00:00Z",
                "status_since": "2026-03-02T09:00:02Z",
                "template": "credit-issued",
                "locale": "en",
                "content": _RENDERED,
            }
        ],
        "next_cursor": None,
    },
}
