"""What a function is told is checked once; what is missing or impossible stops it, by name."""

from __future__ import annotations

import pytest

from chalicelib.runtime.environment import (
    EventQueue,
    Oidc,
    ReleaseSchedules,
    WrongSetting,
    read_event_queue,
    read_oidc,
    read_release_schedules,
    read_settings,
)

TOLD = {"STAGE": "dev", "WALLETS_TABLE": "w", "LEDGER_TABLE": "l", "CUSTOMERS_TABLE": "c", "CAMPAIGNS_TABLE": "k"}
OIDC = {"STAGE": "prod", "OIDC_ISSUER": "https://i", "OIDC_AUDIENCE": "a", "OIDC_JWKS_URL": "https://i/jwks"}


def test_what_is_not_said_has_its_default() -> None:
    settings = read_settings(TOLD)
    assert (settings.stage, settings.wallets_table, settings.ledger_table) == ("dev", "w", "l")
    assert (settings.test_clock, settings.merchant_zone.key, settings.log_level) == (False, "UTC", "INFO")


def test_the_test_clock_cannot_be_on_in_production() -> None:
    assert read_settings(TOLD | {"TEST_CLOCK": "on"}).test_clock
    with pytest.raises(WrongSetting, match="TEST_CLOCK"):
        read_settings(TOLD | {"STAGE": "prod", "TEST_CLOCK": "on"})
    assert not read_settings(TOLD | {"STAGE": "prod", "TEST_CLOCK": "off"}).test_clock


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STAGE", ""), ("STAGE", "production"), ("WALLETS_TABLE", ""), ("LEDGER_TABLE", ""),
        ("CUSTOMERS_TABLE", ""), ("CAMPAIGNS_TABLE", ""), ("TEST_CLOCK", "true"),
        ("MERCHANT_ZONE", "Berlin"), ("MERCHANT_ZONE", "../etc"), ("LOG_LEVEL", "LOUD"),
    ],
)  # fmt: skip
def test_a_setting_that_is_missing_or_impossible_is_named(name: str, value: str) -> None:
    with pytest.raises(WrongSetting, match=name):
        read_settings(TOLD | {name: value})


def test_the_issuer_is_told_completely() -> None:
    assert read_oidc(OIDC) == Oidc("https://i", "a", "https://i/jwks")
    for name in ("OIDC_ISSUER", "OIDC_AUDIENCE", "OIDC_JWKS_URL"):
        with pytest.raises(WrongSetting, match=name):
            read_oidc({key: value for key, value in OIDC.items() if key != name})


@pytest.mark.parametrize("url", ["http://i/jwks", "file:///etc/passwd", "ftp://i/jwks", "i/jwks"])
def test_keys_come_over_a_safe_way(url: str) -> None:
    with pytest.raises(WrongSetting, match="https"):
        read_oidc(OIDC | {"OIDC_JWKS_URL": url})


def test_on_one_machine_keys_may_come_over_plain_http() -> None:
    assert read_oidc(OIDC | {"STAGE": "local", "OIDC_JWKS_URL": "http://127.0.0.1:1/jwks"}).jwks_url.startswith("http:")


def test_a_queue_of_events_is_told_with_its_dead_letters() -> None:
    told = {"ORDER_EVENTS_QUEUE_URL": "https://q", "ORDER_EVENTS_DEAD_LETTERS_URL": "https://d"}
    assert read_event_queue(told, "order-events") == EventQueue("https://q", "https://d")
    for name in told:
        with pytest.raises(WrongSetting, match=name):
            read_event_queue({key: value for key, value in told.items() if key != name}, "order-events")


def test_without_a_role_nothing_is_scheduled_and_with_one_all_is_told() -> None:
    told = {"RELEASE_SCHEDULES_GROUP": "g", "RELEASE_QUEUE_ARN": "q", "RELEASE_SCHEDULES_ROLE": "r"}
    assert read_release_schedules(told) == ReleaseSchedules("g", "q", "r")
    assert read_release_schedules(told | {"RELEASE_SCHEDULES_ROLE": ""}) is None
    for name in ("RELEASE_SCHEDULES_GROUP", "RELEASE_QUEUE_ARN"):
        with pytest.raises(WrongSetting, match=name):
            read_release_schedules(told | {name: ""})
