"""What is answered about the service itself and the merchant's settings, as models."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AwareDatetime, ConfigDict, Field

from chalicelib.edge.answer_parts import Part
from chalicelib.edge.service.settings_bodies import PointsCode, Reinstatement
from chalicelib.ledger.lots import Kind, LotClass
from chalicelib.ledger.policy import Clawback, RefundSplit


class Health(Part):
    status: Literal["ok"]
    version: str


class Description(Part):
    """An OpenAPI document."""

    model_config = ConfigDict(extra="allow")

    openapi: str
    info: dict[str, Any]
    paths: dict[str, Any]


class TestClock(Part):
    """The instant that time stands still at, null where it runs."""

    __test__ = False  # a name for pytest to leave alone

    now: AwareDatetime | None


class Never(Part):
    never: Literal[True]


class At(Part):
    at: AwareDatetime


class Days(Part):
    days: int = Field(ge=1)


class Months(Part):
    months: int = Field(ge=1)


class Settings(Part):
    """The whole settings in force. Version 0 are the built-in ones, which nobody has put."""

    version: int = Field(ge=0)
    updated_at: AwareDatetime | None
    updated_by: str | None
    refund_to_credit: bool
    refund_split: RefundSplit
    refund_bonus_basis_points: int = Field(ge=0, le=10_000)
    refund_bonus_expires: Never | At | Days | Months | None
    clawback: Clawback
    reinstatement: Reinstatement
    released_grace_hours: int = Field(ge=1)
    points: list[PointsCode]
    expiry_of_kind: dict[Kind, Never | At | Days | Months]
    expiry_of_class: dict[LotClass, Never | At | Days | Months]
    kinds_without_expiry: list[Kind]
    merged_kinds: list[Kind]
    spending_order: list[str]
    release_wallets_per_second: int = Field(ge=1)
    require_notice_kinds: list[Kind]
    default_currency: str
