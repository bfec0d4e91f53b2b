"""The settings as callers send them. Null is the same as left out, and what is left out is as built in."""

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from chalicelib.edge.fields import Body, Currency
from chalicelib.edge.terms import Expires
from chalicelib.edge.wallets.support_bodies import GrantableKind
from chalicelib.ledger.conditions import BASIS_POINTS
from chalicelib.ledger.limits import MAX_EXPIRY_DAYS
from chalicelib.ledger.policy import SPENDING_ORDER, At, Days, Months

MAX_POINTS_CODES = 20
MAX_POINTS_EXPONENT = 3
MAX_RELEASED_GRACE_HOURS = 720
MAX_RELEASE_WALLETS_PER_SECOND = 5_000
MAX_KINDS = 11
"""There are no more that can be granted."""

_SpendingKey = Literal["priority", "expires_at", "item_scoped", "lot_class", "effective_at", "issued_in", "id"]
_Kinds = Annotated[tuple[GrantableKind, ...], Field(max_length=MAX_KINDS)]
_Span = Annotated[int, Field(ge=1, le=MAX_EXPIRY_DAYS)]

_MODES = {
    "grace": ("lifted_to_days", "reinstated_days"),
    "original_expiry": (),
    "extend": ("days",),
    "no_expiry": (),
}
"""What can be said of each mode besides."""


def _schema_of(mode: str) -> dict[str, Any]:
    """What a schema has to say of a mode that the fields do not: what must be there with it, and what must not."""
    foreign = {name for names in _MODES.values() for name in names} - set(_MODES[mode])
    told: dict[str, Any] = {
        "properties": {"mode": {"const": mode}, **{name: {"type": "null"} for name in sorted(foreign)}}
    }
    if mode == "extend":
        told["properties"]["days"] = {"type": "integer"}
        told["required"] = ["days"]
    return told


class Reinstatement(Body):
    """How long credit lives that is given back. Each number belongs to one mode; `extend` must have its `days`."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [_schema_of(mode) for mode in _MODES]})

    mode: Literal["grace", "original_expiry", "extend", "no_expiry"]
    lifted_to_days: Annotated[int, Field(ge=0, le=MAX_EXPIRY_DAYS)] | None = None
    reinstated_days: _Span | None = None
    days: _Span | None = None

    @field_validator("lifted_to_days", "reinstated_days", "days")
    @classmethod
    def _of_this_mode(cls, value: int | None, info: ValidationInfo) -> int | None:
        mode = info.data.get("mode")
        if value is not None and mode is not None and info.field_name not in _MODES[mode]:
            raise PydanticCustomError("mode", "Input should not be there with mode {mode}", {"mode": mode})
        return value

    @model_validator(mode="after")
    def _extend_says_how_far(self) -> Self:
        if self.mode == "extend" and self.days is None:
            raise PydanticCustomError("extend", "Input should have days with mode extend")
        return self


class PointsCode(Body):
    """A currency of the merchant's own, and how many decimals its amounts have."""

    code: Currency
    exponent: Annotated[int, Field(ge=0, le=MAX_POINTS_EXPONENT)]


class ExpiryOfKind(Body):
    """When credit of a kind ends, unless its grant says."""

    refund: Expires | None = None
    exchange: Expires | None = None
    purchased: Expires | None = None
    migration: Expires | None = None
    compensation: Expires | None = None
    manual: Expires | None = None
    promotion: Expires | None = None
    cashback: Expires | None = None
    loyalty: Expires | None = None
    referral: Expires | None = None
    occasion: Expires | None = None


class ExpiryOfClass(Body):
    """When credit of a class ends, unless its grant or its kind says."""

    promotional: Expires | None = None
    goodwill: Expires | None = None
    paid: Expires | None = None


class SettingsBody(Body):
    """The whole settings: what is left out is set back to what is built in."""

    refund_to_credit: bool | None = None
    refund_split: Literal["proportional", "credit_first", "other_first"] | None = None
    refund_bonus_basis_points: Annotated[int, Field(ge=0, le=BASIS_POINTS)] | None = None
    refund_bonus_expires: Expires | None = None
    clawback: Literal["none", "lot_only", "promotional", "debt"] | None = None
    reinstatement: Reinstatement | None = None
    released_grace_hours: Annotated[int, Field(ge=1, le=MAX_RELEASED_GRACE_HOURS)] | None = None
    points: Annotated[tuple[PointsCode, ...], Field(max_length=MAX_POINTS_CODES)] | None = None
    expiry_of_kind: ExpiryOfKind | None = None
    expiry_of_class: ExpiryOfClass | None = None
    kinds_without_expiry: _Kinds | None = None
    merged_kinds: _Kinds | None = None
    spending_order: (
        Annotated[
            tuple[_SpendingKey, ...],
            Field(
                min_length=len(SPENDING_ORDER),
                max_length=len(SPENDING_ORDER),
                json_schema_extra={"uniqueItems": True},
            ),
        ]
        | None
    ) = None

    release_wallets_per_second: Annotated[int, Field(ge=1, le=MAX_RELEASE_WALLETS_PER_SECOND)] | None = None
    require_notice_kinds: _Kinds | None = None
    default_currency: Currency | None = None

    @field_validator("spending_order")
    @classmethod
    def _every_key_once(cls, keys: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if keys is not None and len(set(keys)) != len(keys):
            raise PydanticCustomError("spending_order", "Input should have every key once")
        return keys

    def document(self) -> dict[str, Any]:
        """What is said, as `chalicelib.settings.document` has it."""
        told = self.model_dump(exclude_none=True, exclude={"refund_bonus_expires", "expiry_of_kind", "expiry_of_class"})
        if self.refund_bonus_expires is not None:
            told["refund_bonus_expires"] = _expiry(self.refund_bonus_expires)
        for name, by in (("expiry_of_kind", self.expiry_of_kind), ("expiry_of_class", self.expiry_of_class)):
            if by is not None:
                told[name] = {each: _expiry(expires) for each, expires in by if expires is not None}
        return told


def _expiry(said: Expires) -> dict[str, Any]:
    match said.expiry():
        case At(instant):
            return {"at": instant}
        case Days(days):
            return {"days": days}
        case Months(months):
            return {"months": months}
    return {"never": True}
