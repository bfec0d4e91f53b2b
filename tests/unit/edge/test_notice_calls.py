"""Templates, webhooks and the history of notices over HTTP, and what is refused with a pointer to it."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from chalicelib.edge import answers
from chalicelib.ledger.limits import DAY_MS
from chalicelib.messaging import addresses
from chalicelib.notices import store as shelf
from chalicelib.notices.model import Channel, Happening, Notice, Status
from chalicelib.notices.store import MAX_WEBHOOKS, Record
from chalicelib.store.envelope import WalletId
from chalicelib.store.signals import Signal
from chalicelib.store.writes import commit
from tests.unit.edge.till import NOW, Answered, Till

TEMPLATES = "/v1/notice-templates"
ISSUED = f"{TEMPLATES}/credit-issued"
WEBHOOKS = "/v1/webhooks"
NOTICES = "/v1/customers/alice/notices"
PARTS = {"subject": "{{ amount }} for you", "text": "Until {{ expires_at }}."}


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Where names lead; one that is not here cannot be resolved."""
    known = {"hooks.example.com": "93.184.216.34"}

    def resolve(host: str, _: int) -> list[str]:
        if host not in known:
            raise socket.gaierror("no such name")
        return [known[host]]

    monkeypatch.setattr(addresses, "_resolve", resolve)
    return known


def put(till: Till, body: Any, path: str = ISSUED, version: int | None = None, **query: str) -> Answered:
    headers = {} if version is None else {"If-Match": f'"{version}"'}
    return till.send("PUT", path, body, headers=headers, query=dict(query))


def hook(till: Till, **more: Any) -> dict[str, Any]:
    answered = till.post(WEBHOOKS, {"url": "https://hooks.example.com/credit"} | more)
    assert answered.status == 201
    told: dict[str, Any] = answered.json
    return told


def described(answered: Answered, model: str) -> Any:
    """The answer, which its model describes completely."""
    told = answers.model(model).model_validate_json(answered.text)
    assert told.model_dump(mode="json", exclude_unset=True) == json.loads(answered.text)
    return answered.json


# Templates


def test_every_happening_has_a_template_before_anybody_made_one(till: Till) -> None:
    listed = described(till.get(TEMPLATES), "NoticeTemplatePage")["data"]
    assert [each["name"] for each in listed] == [
        "credit-available",
        "credit-expired",
        "credit-expiring",
        "credit-issued",
        "credit-redeemed",
        "credit-refunded",
        "credit-taken-back",
    ]
    assert all((each["version"], each["locales"]) == (0, ["de", "en"]) for each in listed)
    answered = till.get(ISSUED)
    assert (described(answered, "NoticeTemplate")["built_in"], answered.headers["ETag"]) == (True, '"0"')


def test_a_template_takes_the_place_of_a_built_in_one_until_it_is_deleted(till: Till) -> None:
    answered = put(till, {"locales": {"en": PARTS}})
    assert (answered.status, answered.headers["ETag"]) == (200, '"1"')
    assert described(till.get(ISSUED), "NoticeTemplate")["locales"] == {"en": {**PARTS, "html": None, "sms": None}}
    assert till.send("DELETE", ISSUED).json == {"id": "credit-issued", "deleted": True}
    assert sorted(till.get(ISSUED).json["locales"]) == ["de", "en"]
    assert till.send("DELETE", ISSUED).code == "not_found"


def test_a_template_of_a_name_of_its_own(till: Till) -> None:
    put(till, {"locales": {"en": PARTS}}, f"{TEMPLATES}/a-spring")
    first = till.get(TEMPLATES, limit="1").json
    assert (first["data"][0]["name"], first["data"][0]["built_in"]) == ("a-spring", False)
    assert till.get(TEMPLATES, limit="1", cursor=first["next_cursor"]).json["data"][0]["name"] == "credit-available"
    till.send("DELETE", f"{TEMPLATES}/a-spring")
    assert till.get(f"{TEMPLATES}/a-spring").code == "not_found"


def test_a_template_may_list_what_it_recommends(till: Till) -> None:
    put(till, {"locales": {"en": PARTS}, "products": ["teapot", "cup"]})
    assert described(till.get(ISSUED), "NoticeTemplate")["products"] == ["teapot", "cup"]
    answered = put(till, {"locales": {"en": PARTS}, "products": ["p"] * 6})
    assert (answered.status, answered.pointers) == (422, ["/products"])


def test_a_template_recommends_what_is_bought_together_unless_it_says_what_was_seen_last(till: Till) -> None:
    assert described(till.get(ISSUED), "NoticeTemplate")["recommend"] == "bought_together", "so does a built-in one"
    for said, recommended in (({}, "bought_together"), ({"recommend": "last_seen"}, "last_seen")):
        assert put(till, {"locales": {"en": PARTS}, **said}).json["recommend"] == recommended
        assert described(till.get(ISSUED), "NoticeTemplate")["recommend"] == recommended
    refused = put(till, {"locales": {"en": PARTS}, "recommend": "bestsellers"})
    assert (refused.status, refused.pointers) == (422, ["/recommend"])


def test_a_template_that_was_put_before_there_was_a_choice_recommends_what_was_seen_last(till: Till) -> None:
    docs = shelf.documents(till.engine.store)  # type: ignore[arg-type]
    old = docs.save((shelf.TEMPLATES, "old"), {"locales": {"en": PARTS}, "products": []}, 0)
    assert commit(till.engine.store, [old]) is Signal.COMMITTED  # type: ignore[arg-type]
    assert till.get(f"{TEMPLATES}/old").json["recommend"] == "last_seen"


def test_who_names_the_version_overwrites_nothing_that_it_has_not_seen(till: Till) -> None:
    assert put(till, {"locales": {"en": PARTS}}, version=0).status == 200
    assert put(till, {"locales": {"en": PARTS}}, version=0).code == "version_conflict"
    assert put(till, {"locales": {"en": PARTS}}).headers["ETag"] == '"2"'


def test_a_dry_run_changes_nothing(till: Till) -> None:
    assert put(till, {"locales": {"en": PARTS}}, dry_run="true").headers["ETag"] == '"1"'
    assert till.get(ISSUED).headers["ETag"] == '"0"'


@pytest.mark.parametrize(
    ("pointer", "body"),
    [
        ("/locales", {}),
        ("/locales", {"locales": {}}),
        ("/locales/en/text", {"locales": {"en": {"subject": "s"}}}),
        ("/locales/en/text", {"locales": {"en": {**PARTS, "text": "{{ amnt }}"}}}),
        ("/locales/en/subject", {"locales": {"en": {**PARTS, "subject": "{{ ''.__class__ }}"}}}),
        ("/locales/en/html", {"locales": {"en": {**PARTS, "html": "{% for i in range(10**9) %}x{% endfor %}"}}}),
        ("/locales/de/sms", {"locales": {"en": PARTS, "de": {**PARTS, "sms": "{{ lipsum() }}"}}}),
        ("/locales/en/subject", {"locales": {"en": {**PARTS, "subject": "two\nlines"}}}),
        ("/locales/en/subject", {"locales": {"en": {**PARTS, "subject": "s" * 201}}}),
        ("/locales/en/text", {"locales": {"en": {**PARTS, "text": 1}}}),
        ("/locales/en/push", {"locales": {"en": {**PARTS, "push": "x"}}}),
        ("/locales/english!/[key]", {"locales": {"english!": PARTS}}),
    ],
)
def test_a_template_that_cannot_be_used_is_refused_with_a_pointer(till: Till, pointer: str, body: Any) -> None:
    answered = put(till, body)
    assert (answered.status, answered.code, answered.pointers[0]) == (422, "validation_failed", pointer)
    assert till.get(ISSUED).json["version"] == 0


@pytest.mark.parametrize("name", ["Credit", "credit_issued", "x" * 49, "credit:issued"])
def test_a_templates_name_is_small(till: Till, name: str) -> None:
    assert put(till, {"locales": {"en": PARTS}}, f"{TEMPLATES}/{name}").pointers == ["/path/template"]


def test_a_preview_says_what_a_notice_would(till: Till) -> None:
    put(till, {"locales": {"en": PARTS, "de": {**PARTS, "sms": "{{ amount }}"}}})
    asked = {"locale": "de-AT", "variables": {"expires_at": "morgen"}}
    told = described(till.post(f"{ISSUED}/preview", asked, key=None), "NoticePreview")
    expected = {"locale": "de", "subject": "25,00 € for you", "text": "Until morgen.", "html": None, "sms": "25,00 €"}
    assert told == expected
    assert till.post(f"{ISSUED}/preview", {}, key=None).json["subject"] == "€25.00 for you"
    assert till.post(f"{TEMPLATES}/none/preview", {}, key=None).code == "not_found"
    unknown = till.post(f"{ISSUED}/preview", {"variables": {"amnt": "1"}}, key=None)
    assert unknown.pointers == ["/variables/amnt"]


# Webhooks


def test_a_secret_is_told_once(till: Till) -> None:
    made = hook(till, happenings=["issued", "issued", "expiring"])
    assert made["secret"].startswith("whsec_")
    assert (made["happenings"], made["previous_valid_until"]) == (["issued", "expiring"], None)
    (listed,) = described(till.get(WEBHOOKS), "NoticeWebhookPage")["data"]
    assert listed == {name: made[name] for name in ("id", "url", "happenings", "created_at")}
    assert made["secret"] not in till.get(WEBHOOKS).text


def test_the_same_key_makes_one_webhook(till: Till) -> None:
    body = {"url": "https://hooks.example.com/credit"}
    first, again = (till.post(WEBHOOKS, body, key="k") for _ in range(2))
    assert first.text == again.text
    assert len(till.get(WEBHOOKS).json["data"]) == 1


def test_a_secret_that_was_replaced_signs_for_a_day_more(till: Till) -> None:
    made = hook(till)
    told = described(till.post(f"{WEBHOOKS}/{made['id']}/rotate", {}), "NoticeWebhookWithSecret")
    assert told["secret"] != made["secret"]
    assert told["previous_valid_until"] == "2026-09-22T14:13:20Z"
    (stored,) = shelf.webhooks(shelf.documents(till.engine.store))  # type: ignore[arg-type]
    assert stored.valid(NOW + DAY_MS - 1) == (told["secret"], made["secret"])
    assert stored.valid(NOW + DAY_MS) == (told["secret"],)


def test_however_often_it_is_replaced_few_secrets_are_kept(till: Till) -> None:
    made = hook(till)
    secrets = [till.post(f"{WEBHOOKS}/{made['id']}/rotate", {}).json["secret"] for _ in range(5)]
    (stored,) = shelf.webhooks(shelf.documents(till.engine.store))  # type: ignore[arg-type]
    assert stored.valid(NOW) == tuple(secrets[:1:-1])


def test_a_webhook_that_is_deleted_is_gone(till: Till) -> None:
    made = hook(till)
    assert till.send("DELETE", f"{WEBHOOKS}/{made['id']}").json == {"id": made["id"], "deleted": True}
    assert till.get(WEBHOOKS).json["data"] == []
    assert till.send("DELETE", f"{WEBHOOKS}/{made['id']}").code == "not_found"
    assert till.post(f"{WEBHOOKS}/{made['id']}/rotate", {}).code == "not_found"


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/",
        "https://localhost/",
        "https://127.1/",
        "https://0x7f000001/",
        "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://metadata.google.internal/",
        "https://a:b@hooks.example.com/",
        "https://hooks.example.com:25/",
        "https://inside.example.com/",
        "nonsense",
        "",
    ],
)
def test_an_address_that_is_not_public_is_refused_with_a_pointer(till: Till, names: dict[str, str], url: str) -> None:
    names["inside.example.com"] = "10.0.0.7"
    for query in ({}, {"dry_run": "true"}):
        answered = till.post(WEBHOOKS, {"url": url}, query=query)
        assert (answered.status, answered.code, answered.pointers) == (422, "validation_failed", ["/url"])
    assert till.get(WEBHOOKS).json["data"] == []


def test_a_name_that_nobody_knows_yet_is_taken_and_checked_when_something_is_sent(till: Till) -> None:
    assert hook(till, url="https://soon.example.com/")["id"].startswith("whk_")


def test_there_are_only_so_many_webhooks(till: Till) -> None:
    for _ in range(MAX_WEBHOOKS):
        hook(till)
    answered = till.post(WEBHOOKS, {"url": "https://hooks.example.com/"})
    assert (answered.status, answered.code, answered.json["limit"]) == (409, "notice_limit_exceeded", MAX_WEBHOOKS)


# The history


def test_what_a_customer_was_told_is_read_newest_first(till: Till) -> None:
    docs = shelf.documents(till.engine.store)  # type: ignore[arg-type]
    for sequence in range(1, 4):
        notice = Notice(WalletId("alice", "EUR"), Happening.ISSUED, str(sequence), NOW + sequence * 1_000)
        content = {"subject": "s", "text": "t", "html": None, "sms": None}
        record = Record(notice, Channel.EMAIL, Status.SENT, NOW, template="credit-issued", locale="en", content=content)
        assert commit(till.engine.store, [shelf.record_saved(docs, record)]) is Signal.COMMITTED  # type: ignore[arg-type]
    first = described(till.get(NOTICES, limit="2"), "SentNoticePage")
    assert [each["key"] for each in first["data"]] == ["alice/EUR/3", "alice/EUR/2"]
    rest = described(till.get(NOTICES, limit="2", cursor=first["next_cursor"]), "SentNoticePage")
    assert [(each["key"], each["at"], each["status"]) for each in rest["data"]] == [
        ("alice/EUR/1", "2026-09-21T14:13:21Z", "sent")
    ]
    assert till.get("/v1/customers/bob/notices").json["data"] == []
    assert till.get(NOTICES, cursor="nonsense").code == "invalid_cursor"
