"""Rules over HTTP: made, read, changed with the version that was seen, paused, deleted; and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.edge.till import Answered, Till

RULES = "/v1/rules"
SAID = {
    "name": "Autumn",
    "trigger": "order.paid",
    "currency": "EUR",
    "total_over": 10_000,
    "grant": {"basis_points": 1_000, "max": 5_000},
    "expires": {"days": 30},
}


def made(till: Till, **more: Any) -> dict[str, Any]:
    answered = till.post(RULES, SAID | more)
    assert answered.status == 201
    told: dict[str, Any] = answered.json
    return told


def put(till: Till, rule: str, body: Any, version: int | None) -> Answered:
    headers = {} if version is None else {"If-Match": f'"{version}"'}
    return till.send("PUT", f"{RULES}/{rule}", body, headers=headers)


def test_a_rule_is_in_force_when_it_is_made_and_says_what_it_will_do(till: Till) -> None:
    answered = till.post(RULES, SAID)
    told = answered.json
    assert (answered.status, answered.headers["ETag"]) == (201, '"1"')
    assert told["id"].startswith("rul_")
    assert (told["state"], told["version"], told["base"]) == ("active", 1, "merchandise_less_credit")
    assert told["grant"] == {"basis_points": 1_000, "max": 5_000}
    assert (told["from"], told["to"], told["expires"]) == ("2026-09-21T14:13:20Z", None, {"days": 30})
    assert (told["delay_days"], told["cap_per_customer"], told["sites"]) == (0, None, [])
    assert till.get(f"{RULES}/{told['id']}").json == told


def test_the_same_key_makes_one_rule(till: Till) -> None:
    first, again = (till.post(RULES, SAID, key="k") for _ in range(2))
    assert (first.text, first.headers["ETag"]) == (again.text, again.headers["ETag"])
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(till.get(RULES).json["data"]) == 1
    assert till.post(RULES, SAID | {"name": "Other"}, key="k").code == "idempotency_key_reused"


def test_a_dry_run_makes_no_rule(till: Till) -> None:
    answered = till.post(RULES, SAID, key=None, query={"dry_run": "true"})
    assert (answered.status, answered.json["id"]) == (201, "rul_dry")
    assert till.get(RULES).json == {"data": [], "next_cursor": None}


def test_a_rule_is_changed_by_who_has_seen_its_version(till: Till) -> None:
    rule = made(till)["id"]
    answered = put(till, rule, SAID | {"name": "Winter", "grant": {"fixed": 500}}, 1)
    assert (answered.status, answered.headers["ETag"]) == (200, '"2"')
    assert (answered.json["name"], answered.json["grant"]) == ("Winter", {"fixed": 500})
    conflict = put(till, rule, SAID, 1)
    assert (conflict.code, conflict.json["current_version"]) == ("version_conflict", 2)
    assert put(till, rule, SAID, None).pointers == ["/header/If-Match"]
    assert till.get(f"{RULES}/{rule}").json["name"] == "Winter"


def test_a_change_leaves_the_window_open_from_when_the_rule_was_made(till: Till) -> None:
    rule = made(till)
    till.engine.store.present += 60_000
    changed = put(till, rule["id"], SAID | {"name": "Winter"}, 1).json
    assert (changed["from"], changed["created_at"]) == (rule["from"], rule["created_at"])
    assert changed["updated_at"] == "2026-09-21T14:14:20Z"


def test_a_rule_keeps_its_currency(till: Till) -> None:
    assert put(till, made(till)["id"], SAID | {"currency": "USD"}, 1).pointers == ["/currency"]


def test_a_rule_is_paused_and_resumed_each_as_a_version(till: Till) -> None:
    rule = made(till)["id"]
    paused = till.post(f"{RULES}/{rule}/pause", {})
    assert (paused.json["state"], paused.headers["ETag"]) == ("paused", '"2"')
    assert till.post(f"{RULES}/{rule}/pause", {}).json["version"] == 2
    assert till.post(f"{RULES}/{rule}/resume", {}).json["state"] == "active"
    assert till.get(f"{RULES}/{rule}").headers["ETag"] == '"3"'


def test_a_deleted_rule_is_gone(till: Till) -> None:
    rule = made(till)["id"]
    assert till.send("DELETE", f"{RULES}/{rule}", query={"dry_run": "true"}).status == 200
    assert till.send("DELETE", f"{RULES}/{rule}").json["state"] == "deleted"
    for answered in (
        till.get(f"{RULES}/{rule}"),
        till.send("DELETE", f"{RULES}/{rule}"),
        put(till, rule, SAID, 1),
        till.post(f"{RULES}/{rule}/pause", {}),
        till.post(f"{RULES}/{rule}/resume", {}),
    ):
        assert (answered.status, answered.code) == (404, "not_found")


def test_rules_are_listed_page_by_page(till: Till) -> None:
    wanted = {made(till, name=f"Rule {number}")["id"] for number in range(5)}
    seen: list[str] = []
    query: dict[str, str | list[str]] = {"limit": "2"}
    while True:
        page = till.get(RULES, **query).json
        seen += [rule["id"] for rule in page["data"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert set(seen) == wanted
    assert len(seen) == 5
    assert till.get(RULES, cursor="bm9uc2Vuc2U").code == "invalid_cursor"


@pytest.mark.parametrize(
    ("more", "code", "pointer"),
    [
        ({"name": ""}, "validation_failed", "/name"),
        ({"trigger": "order.placed"}, "validation_failed", "/trigger"),
        ({"currency": "XXY"}, "currency_unknown", "/currency"),
        ({"base": "shipping"}, "validation_failed", "/base"),
        ({"grant": {}}, "validation_failed", "/grant"),
        ({"grant": {"fixed": 1, "basis_points": 1}}, "validation_failed", "/grant"),
        ({"grant": {"fixed": 1, "max": 1}}, "validation_failed", "/grant"),
        ({"grant": {"basis_points": 10_001}}, "validation_failed", "/grant/basis_points"),
        ({"grant": {"fixed": 0}}, "validation_failed", "/grant/fixed"),
        ({"grant": {"fixed": 1.5}}, "validation_failed", "/grant/fixed"),
        ({"total_over": -1}, "validation_failed", "/total_over"),
        ({"cap_per_customer": 0}, "validation_failed", "/cap_per_customer"),
        ({"delay_days": 366}, "validation_failed", "/delay_days"),
        ({"expires": {"days": 1, "months": 1}}, "validation_failed", "/expires"),
        ({"expires": {"at": "2020-01-01T00:00:00Z"}}, "expires_in_past", "/expires"),
        ({"to": "2020-01-01T00:00:00Z"}, "validation_failed", "/to"),
        ({"from": "2027-01-02T00:00:00Z", "to": "2027-01-02T00:00:00Z"}, "validation_failed", "/to"),
        ({"from": "tomorrow"}, "validation_failed", "/from"),
        ({"nonsense": 1}, "validation_failed", "/nonsense"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_and_says_where(
    till: Till, more: dict[str, Any], code: str, pointer: str
) -> None:
    answered = till.post(RULES, SAID | more)
    assert (answered.status, answered.code) == (422, code)
    assert any(each.startswith(pointer) for each in answered.pointers) or code == "expires_in_past"
    assert till.get(RULES).json["data"] == []


def test_there_are_only_so_many_rules(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.rules.commands.MAX_RULES", 2)
    rules = [made(till)["id"] for _ in range(2)]
    answered = till.post(RULES, SAID)
    assert (answered.status, answered.code, answered.json["limit"]) == (409, "rule_limit_exceeded", 2)
    till.send("DELETE", f"{RULES}/{rules[0]}")
    assert till.post(RULES, SAID).status == 201


def test_an_expiry_that_policy_forbids_is_refused(till: Till) -> None:
    told = {"kinds_without_expiry": ["promotion"], "expiry_of_kind": {"promotion": {"never": True}}}
    assert till.send("PUT", "/v1/settings", told, headers={"If-Match": '"0"'}).status == 200
    assert till.post(RULES, SAID).code == "expiry_not_permitted"
    assert till.post(RULES, SAID | {"expires": None}).status == 201
