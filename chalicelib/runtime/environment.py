"""What a function is told about where it runs: its environment variables, read once, typed and checked.

A missing or impossible setting stops the function at its first use, with the variable's name: better no answer than
one from the wrong table.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

STAGES = ("local", "dev", "prod")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
API_HANDLER = "app.app"
"""What Lambda's `_HANDLER` says in the function that serves the API."""


class WrongSetting(Exception):
    """An environment variable is missing, or says something that cannot be."""


class Settings(NamedTuple):
    """Where the function runs, and on which tables. `test_clock` is never true in production."""

    stage: str
    wallets_table: str
    ledger_table: str
    test_clock: bool
    merchant_zone: ZoneInfo
    log_level: str
    customers_table: str = ""
    campaigns_table: str = ""


class Oidc(NamedTuple):
    """Whose tokens are accepted, and where their keys are published."""

    issuer: str
    audience: str
    jwks_url: str


class EventQueue(NamedTuple):
    """A queue of events from other systems, and where copies of the rejected ones go: their URLs."""

    url: str
    dead_letters_url: str


class ReleaseSchedules(NamedTuple):
    """The group of one-off schedules, the queue that their messages go to, and the role that sends them."""

    group: str
    queue_arn: str
    role_arn: str


@cache
def settings() -> Settings:
    """:raises WrongSetting: see there"""
    return read_settings(os.environ)


@cache
def oidc() -> Oidc:
    """:raises WrongSetting: see there"""
    return read_oidc(os.environ)


@cache
def settle_queue_url() -> str:
    """:raises WrongSetting: see there"""
    return _said(os.environ, "SETTLE_QUEUE_URL")


@cache
def release_queue_url() -> str:
    """:raises WrongSetting: see there"""
    return _said(os.environ, "RELEASE_QUEUE_URL")


@cache
def release_schedules() -> ReleaseSchedules | None:
    """None where no role may send in the schedules' name; then nothing is scheduled.

    :raises WrongSetting: see there
    """
    return read_release_schedules(os.environ)


@cache
def lift_function() -> str:
    """Name of the function that measures lifts.

    :raises WrongSetting: see there
    """
    return _said(os.environ, "LIFT_FUNCTION")


@cache
def notices_queue_url() -> str:
    """:raises WrongSetting: see there"""
    return _said(os.environ, "NOTICES_QUEUE_URL")


@cache
def notices_sender() -> str | None:
    """The address that notices by email come from; None where there is none, and then nothing is sent by email."""
    return os.environ.get("NOTICES_SENDER") or None


@cache
def event_queue(queue: str) -> EventQueue:
    """The queue of that short name: `order-events`, `refund-events` or `customer-events`.

    :raises WrongSetting: see there
    """
    return read_event_queue(os.environ, queue)


@cache
def max_receives() -> int:
    """How often a message of an event queue is received before SQS gives it up.

    :raises WrongSetting: see there
    """
    told = _said(os.environ, "MAX_RECEIVES")
    if not told.isdecimal():
        raise WrongSetting(f"MAX_RECEIVES is {told!r}, not a number")
    return int(told)


@cache
def event_bus() -> str:
    """Name of the bus that entries are published on.

    :raises WrongSetting: see there
    """
    return _said(os.environ, "EVENT_BUS")


def read_settings(told: Mapping[str, str]) -> Settings:
    stage = _one_of(told, "STAGE", STAGES)
    test_clock = _one_of(told, "TEST_CLOCK", ("on", "off"), "off") == "on"
    if test_clock and stage == "prod":
        raise WrongSetting("TEST_CLOCK cannot be on in production")
    return Settings(
        stage=stage,
        wallets_table=_said(told, "WALLETS_TABLE"),
        ledger_table=_said(told, "LEDGER_TABLE"),
        customers_table=_said(told, "CUSTOMERS_TABLE"),
        campaigns_table=_said(told, "CAMPAIGNS_TABLE"),
        test_clock=test_clock,
        merchant_zone=_zone(told.get("MERCHANT_ZONE") or "UTC"),
        log_level=_one_of(told, "LOG_LEVEL", LOG_LEVELS, "INFO"),
    )


def read_oidc(told: Mapping[str, str]) -> Oidc:
    jwks_url = _said(told, "OIDC_JWKS_URL")
    scheme = urlsplit(jwks_url).scheme
    if scheme != "https" and not (scheme == "http" and told.get("STAGE") == "local"):
        raise WrongSetting("OIDC_JWKS_URL must be https: whoever can change the keys can sign tokens")
    return Oidc(_said(told, "OIDC_ISSUER"), _said(told, "OIDC_AUDIENCE"), jwks_url)


def read_event_queue(told: Mapping[str, str], queue: str) -> EventQueue:
    name = queue.upper().replace("-", "_")
    return EventQueue(_said(told, f"{name}_QUEUE_URL"), _said(told, f"{name}_DEAD_LETTERS_URL"))


def read_release_schedules(told: Mapping[str, str]) -> ReleaseSchedules | None:
    role = told.get("RELEASE_SCHEDULES_ROLE")
    if not role:
        return None
    return ReleaseSchedules(_said(told, "RELEASE_SCHEDULES_GROUP"), _said(told, "RELEASE_QUEUE_ARN"), role)


def is_api_function() -> bool:
    """Whether Lambda started this process to serve the API; not so in the authorizer, in tests, or while packaging."""
    return os.environ.get("_HANDLER") == API_HANDLER


def trace_id() -> str | None:
    """The X-Ray trace of the request at hand, None where there is none."""
    return os.environ.get("_X_AMZN_TRACE_ID")


def _said(told: Mapping[str, str], name: str) -> str:
    value = told.get(name)
    if not value:
        raise WrongSetting(f"{name} is not set")
    return value


def _one_of(told: Mapping[str, str], name: str, known: tuple[str, ...], default: str | None = None) -> str:
    value = told.get(name) or default
    if value not in known:
        raise WrongSetting(f"{name} is {value!r}, not one of {', '.join(known)}")
    return value


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise WrongSetting(f"MERCHANT_ZONE {name!r} is no IANA time zone") from error
