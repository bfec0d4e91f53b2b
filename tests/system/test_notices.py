"""Notices: people are told of their credit over the channels they agreed to, and what became of it can be read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dev.stack import Stack
from tests.system.conftest import AsRole, fresh_key
from tests.system.marketing import Marketing, eventually, problem
from tests.system.shop import Shop
from tests.system.test_expiry import invoke, stand_at

Json = dict[str, Any]
FINAL = {"sent", "not_sent", "failed", "unknown"}
LOUD = {"push": True, "email": False, "sms": True}


@pytest.fixture
def marketing(stack: Stack, as_role: AsRole) -> Marketing:
    return Marketing(stack, as_role)


def history(marketing: Marketing, customer: str) -> list[Json]:
    """What the customer itself was told, or not, newest first."""
    found = marketing.support.get(f"v1/customers/{customer}/notices").raise_for_status().json()["data"]
    assert len({(each["key"], each["channel"], each["receiver"]) for each in found}) == len(found), "once each"
    return [each for each in found if each["channel"] != "webhook"]


def told(marketing: Marketing, customer: str) -> dict[tuple[str, str], Json]:
    """The history, by what happened and channel."""
    return {(each["happening"], each["channel"]): each for each in history(marketing, customer)}


def is_final(seen: dict[tuple[str, str], Json]) -> bool:
    return all(each["status"] in FINAL for each in seen.values())


def test_what_a_grant_tells_goes_where_the_customer_agreed_and_can_be_read(
    stack: Stack, as_role: AsRole, marketing: Marketing, customer: str
) -> None:
    shop = Shop(stack, as_role, customer)
    marketing.put_customer(customer, consents=LOUD, phone="+4915112345678", locale="de-DE")
    shop.grant(1_500, notify=False, note="quiet")
    shop.grant(2_500, notify=True, note="secret", customer_text="Danke!")
    seen = eventually(
        lambda: told(marketing, customer),
        lambda seen: len(seen) == 3 and is_final(seen),
    )
    assert {each["key"] for each in seen.values()} == {f"{customer}/EUR/2"}, "of what was quiet nobody heard"
    push = seen["issued", "push"]
    assert push["status"] == "sent"
    assert push["locale"] == "de"
    assert "25,00" in push["content"]["text"]
    assert "Danke!" in push["content"]["text"]
    assert "secret" not in str(seen)
    assert seen["issued", "sms"]["status"] == "sent", seen["issued", "sms"]
    email = seen["issued", "email"]
    assert (email["status"], email["reason"]) == ("not_sent", "no_consent")

    shop.redeem(500)
    eventually(
        lambda: told(marketing, customer),
        lambda seen: len(seen) == 6 and is_final(seen),
    )
    first = marketing.support.get(f"v1/customers/{customer}/notices?limit=1").json()
    rest = marketing.support.get(f"v1/customers/{customer}/notices?limit=50&cursor={first['next_cursor']}").json()
    pages = [*first["data"], *rest["data"]]
    assert len([each for each in pages if each["channel"] != "webhook"]) == 6, "somebody else may have a webhook"
    assert pages[0]["happening"] == "redeemed", "newest first"
    problem(as_role("shopper", customer).get(f"v1/customers/{customer}/notices"), 403, "forbidden")

    marketing.support.delete(f"v1/customers/{customer}").raise_for_status()
    assert {each["content"] for each in told(marketing, customer).values()} == {None}
    assert "Danke" not in marketing.support.get(f"v1/customers/{customer}/notices").text


def test_nobody_is_told_who_did_not_agree(stack: Stack, as_role: AsRole, marketing: Marketing, customer: str) -> None:
    Shop(stack, as_role, customer).grant(900, notify=True)
    seen = eventually(
        lambda: told(marketing, customer),
        lambda seen: len(seen) == 3 and all(each["status"] == "not_sent" for each in seen.values()),
    )
    assert {each["reason"] for each in seen.values()} == {"no_consent"}


def test_a_campaign_tells_over_its_channels_in_its_words_and_reminds_before_its_credit_ends(
    stack: Stack, marketing: Marketing
) -> None:
    """The clock moves to the mornings before the end; each is told of once, however often the minute job runs."""
    marketer, (name,) = marketing.marketer, marketing.customers(1, consents=LOUD, phone="+4915112345678")
    words = {"locales": {"en": {"subject": "Gift", "text": "{{ amount }} for you"}}}
    marketer.put(f"v1/notice-templates/gift-{marketing.word}", json=words).raise_for_status()
    day = (datetime.now(UTC) + timedelta(days=500)).replace(hour=12, minute=0, second=0, microsecond=0)
    try:
        stand_at(marketing.owner, day.isoformat())
        notify = {"channels": ["push"], "template": f"gift-{marketing.word}"}
        draft = marketing.campaign(notify=notify, reminders=[7, 1], expires={"days": 30})
        marketing.moved(draft, "release-now")
        marketing.until(draft, "released")
        seen = eventually(lambda: told(marketing, name), lambda seen: bool(seen) and is_final(seen))
        assert list(seen) == [("issued", "push")], "nothing over other channels"
        assert seen["issued", "push"]["content"]["text"] == "€5.00 for you"
        for before in (7, 1):
            stand_at(marketing.owner, (day + timedelta(days=30 - before, minutes=1)).isoformat())
            for _ in range(2):
                invoke(stack, "Remind")
            eventually(lambda: len(history(marketing, name)), lambda count: count >= {7: 4, 1: 7}[before])  # noqa: B023
        last = history(marketing, name)
        assert [each["happening"] for each in last].count("expiring") == 2 * 3, last
    finally:
        marketing.owner.delete("v1/test-clock")
        marketer.delete(f"v1/notice-templates/gift-{marketing.word}")


def test_a_template_is_looked_at_put_and_taken_away(as_role: AsRole, marketing: Marketing) -> None:
    marketer, name = marketing.marketer, f"t-{marketing.word}"
    path = f"v1/notice-templates/{name}"
    body = {
        "locales": {
            "en": {
                "subject": "You have {{ amount }}",
                "text": "{{ balance }} until {{ expires_at }}. {{ conditions }}",
            },
            "de": {"subject": "{{ amount }} für Sie", "text": "{% for p in products %}{{ p }} {% endfor %}"},
        }
    }
    assert marketer.put(path, json=body, params={"dry_run": "true"}).status_code == 200
    problem(marketer.get(path), 404, "not_found")
    put = marketer.put(path, json=body)
    assert put.status_code == 200, put.text
    assert marketer.get(path).headers["ETag"] == put.headers["ETag"]
    seen = marketer.post(f"{path}/preview", json={"locale": "de-AT", "variables": {"amount": "7,00 €"}}).json()
    assert (seen["locale"], seen["subject"]) == ("de", "7,00 € für Sie")
    assert marketer.post(f"{path}/preview").status_code == 200
    names = [each["name"] for each in marketer.get("v1/notice-templates?limit=250").json()["data"]]
    assert name in names
    for built_in in names:
        assert marketer.post(f"v1/notice-templates/{built_in}/preview", json={}).status_code == 200, built_in
    assert marketer.put(path, json=body, headers={"If-Match": put.headers["ETag"]}).status_code == 200
    problem(marketer.put(path, json=body, headers={"If-Match": put.headers["ETag"]}), 409, "version_conflict")
    problem(as_role("support").put(path, json=body), 403, "forbidden")
    assert marketer.delete(path).status_code == 200
    problem(marketer.get(path), 404, "not_found")


@pytest.mark.parametrize(
    "text",
    [
        "{{ secret }}",
        "{{ amount.__class__ }}",
        "{{ ''.__class__.__mro__ }}",
        "{% include 'x' %}",
        "{{ range(10) }}",
        "{% for a in products %}{{ a }}",
        "{{ amount | attr('x') }}",
    ],
)
def test_a_template_that_reaches_too_far_is_refused(marketing: Marketing, text: str) -> None:
    path = f"v1/notice-templates/t-{marketing.word}"
    answer = marketing.marketer.put(path, json={"locales": {"en": {"subject": "x", "text": text}}})
    problem(answer, 422, "validation_failed", "/locales/en/text")
    problem(marketing.marketer.get(path), 404, "not_found")


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example/hook",
        "https://127.0.0.1/hook",
        "https://localhost/hook",
        "https://10.0.0.8/hook",
        "https://192.168.1.2/hook",
        "https://169.254.169.254/latest",
        "https://[::1]/hook",
        "https://2130706433/hook",
        "https://user:word@shop.example/hook",
        "ftp://shop.example",
        "shop.example",
    ],
)
def test_a_webhook_leads_to_the_public_internet_only(marketing: Marketing, url: str) -> None:
    answer = marketing.owner.post("v1/webhooks", json={"url": url}, headers=fresh_key())
    problem(answer, 422, "validation_failed", "/url")


def test_a_webhook_has_a_secret_that_is_told_once_and_can_be_changed(as_role: AsRole, marketing: Marketing) -> None:
    owner, key = marketing.owner, fresh_key()
    body = {"url": f"https://93.184.216.34/{marketing.word}", "happenings": ["expired"]}
    problem(owner.post("v1/webhooks", json=body), 400, "idempotency_key_required")
    problem(as_role("marketer").post("v1/webhooks", json=body, headers=fresh_key()), 403, "forbidden")
    before = len(owner.get("v1/webhooks").json()["data"])
    assert owner.post("v1/webhooks", json=body, params={"dry_run": "true"}).status_code == 201
    assert len(owner.get("v1/webhooks").json()["data"]) == before
    made = owner.post("v1/webhooks", json=body, headers=key)
    assert made.status_code == 201, made.text
    assert owner.post("v1/webhooks", json=body, headers=key).content == made.content
    path = f"v1/webhooks/{made.json()['id']}"
    try:
        assert made.json()["secret"].startswith("whsec_")
        assert made.json()["secret"] not in owner.get("v1/webhooks").text
        problem(owner.post(f"{path}/rotate", json={}), 400, "idempotency_key_required")
        assert owner.post(f"{path}/rotate", params={"dry_run": "true"}).status_code == 200
        turned = owner.post(f"{path}/rotate", json={}, headers=fresh_key()).json()
        assert turned["secret"] != made.json()["secret"]
        assert turned["previous_valid_until"] is not None
    finally:
        assert owner.delete(path).status_code == 200
