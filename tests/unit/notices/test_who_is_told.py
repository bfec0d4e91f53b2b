"""Whom a campaign's channels bind: people are told over those it names, machines hear what they subscribed to."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from chalicelib.ledger.lots import Source
from chalicelib.ledger.model import Entry
from chalicelib.notices.model import Happening, Notice
from chalicelib.notices.post import Post, Terms
from chalicelib.notices.store import Webhook
from chalicelib.notices.working import fan_out
from chalicelib.store.envelope import WalletId
from tests.passbook import Passbook

ANNA = WalletId("anna", "EUR")
SPRING = Source("campaign", "cmp_spring")
EVERYBODY = ["email", "push", "sms"]
MACHINES = ["webhook:whk_all", "webhook:whk_issued"]


def webhook(name: str, *happenings: str) -> Webhook:
    return Webhook(name, "https://hooks.example.com/", happenings, (), 0)


def told(terms: Terms | None, happening: Happening = Happening.ISSUED) -> list[str]:
    """Over which channels it is told, by the terms of the campaign that the credit came from."""
    book, bodies = Passbook(), list[str]()
    book.grant(2_500, source=SPRING, notify=True)

    def send(messages: Sequence[str]) -> list[int]:
        bodies.extend(messages)
        return []

    def entries_between(wallet: WalletId, first: int, last: int) -> Iterator[Entry]:
        return (entry for entry in book.entries if first <= entry.sequence <= last)

    hooks = [webhook("whk_all"), webhook("whk_issued", "issued", "available"), webhook("whk_expired", "expired")]
    post: Any = SimpleNamespace(
        engine=SimpleNamespace(store=SimpleNamespace(entries_between=entries_between)),
        campaigns=SimpleNamespace(terms=lambda source: terms if source == SPRING else None),
        queue=SimpleNamespace(send=send),
        webhooks={each.id: each for each in hooks},
    )
    fan_out(cast(Post, post), Notice(ANNA, happening, str(book.entries[-1].sequence), 0))
    messages = map(json.loads, bodies)
    return sorted(":".join(filter(None, (each["channel"], each["receiver"]))) for each in messages)


def test_a_campaign_that_names_people_s_channels_tells_people_over_those_and_every_machine_that_subscribed() -> None:
    assert told(Terms(("email",))) == ["email", *MACHINES]
    assert told(Terms(("sms", "push"))) == ["push", "sms", *MACHINES]


def test_a_campaign_that_names_webhooks_alone_tells_nobody_but_machines() -> None:
    assert told(Terms(("webhook",))) == MACHINES


def test_webhooks_beside_a_channel_of_people_change_nothing() -> None:
    assert told(Terms(("email", "webhook"))) == told(Terms(("email",)))


@pytest.mark.parametrize("terms", [None, Terms()], ids=["no campaign", "no channels"])
def test_where_no_channel_is_named_it_is_told_over_all(terms: Terms | None) -> None:
    assert told(terms) == [*EVERYBODY, *MACHINES]


@pytest.mark.parametrize("channels", [(), ("email",), ("webhook",)], ids=str)
def test_a_machine_hears_what_it_subscribed_to_and_nothing_else(channels: tuple[str, ...]) -> None:
    assert "webhook:whk_expired" not in told(Terms(channels))
    expired = told(Terms(channels), Happening.EXPIRED)
    assert [each for each in expired if each.startswith("webhook")] == ["webhook:whk_all", "webhook:whk_expired"]


@pytest.mark.parametrize(
    "happening", [each for each in Happening if each not in (Happening.ISSUED, Happening.AVAILABLE)]
)
def test_channels_bind_the_telling_of_the_credits_arrival_and_of_nothing_later(happening: Happening) -> None:
    people = [each for each in told(Terms(("webhook",)), happening) if not each.startswith("webhook")]
    assert people == EVERYBODY
