"""Parts of campaigns as callers send them: how much each customer gets, how it repeats, how people are told."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, GetJsonSchemaHandler, field_validator, model_validator
from pydantic_core import CoreSchema, PydanticCustomError, PydanticKnownError

from chalicelib.campaigns.amounts import NUMBERS
from chalicelib.campaigns.model import (
    MAX_COOL_DOWN_DAYS,
    MAX_LIFETIME_CAP,
    MAX_REPEAT_DAYS,
    MAX_REPEAT_MONTHS,
    MAX_STEPS,
    AmountRule,
    Basis,
    Every,
    Fixed,
    Repeat,
    Share,
    Step,
    Stepped,
)
from chalicelib.edge.fields import Amount, Body, Money, Name
from chalicelib.ledger.conditions import BASIS_POINTS
from chalicelib.ledger.limits import MAX_AMOUNT

_DISTANCES = {
    "day": {"days": 1},
    "week": {"days": 7},
    "month": {"months": 1},
    "quarter": {"months": 3},
    "year": {"months": 12},
}
_DAILY = Every(days=1)
NULL: Any = {"type": "null"}
_SteppedBy = Literal[
    "orders.count",
    "orders.total",
    "orders.average",
    "email.opens",
    "email.clicks",
    "email.engagements",
    "profile.age",
    "wallet.redemptions",
    "wallet.lifetime_issued",
    "tier",
    "predicted_spend_tier",
    "profile.country",
    "profile.region",
    "profile.locale",
]
_Channel = Literal["email", "sms", "push", "webhook"]


def one_of(
    forms: dict[str, tuple[str, ...]], words: tuple[str, ...], allowed: dict[str, tuple[str, ...]] | None = None
) -> dict[str, Any]:
    """A schema of an object that has one of these words, with what must be with it; of the others, only what is allowed
    beside it."""
    told = []
    for word, with_it in forms.items():
        needed = (word, *with_it)
        beside = (allowed or {}).get(word, ())
        others = {name: NULL for name in words if name not in (*needed, *beside)}
        told.append({"required": list(needed), "properties": others | {name: {"not": NULL} for name in needed}})
    return {"oneOf": told}


class StepBody(Body):
    """`at_least` for a field that is a number, `equals` for one that is a word."""

    model_config = ConfigDict(json_schema_extra=one_of({"at_least": (), "equals": ()}, ("at_least", "equals")))

    amount: Amount
    at_least: Money | None = None
    equals: Name | None = None


class AmountBody(Body):
    """One of: `fixed`; `percent_of` with `basis_points` of it, rounded down, and at least `min` and at most `max`; `by`
    a field of the profile, with `steps`. Who has nothing to take a share of, or reaches no step, gets nothing.

    The steps of what is a number say `at_least` (the highest that is reached counts), those of the tiers and of where
    somebody lives `equals`. Orders and credit are those in the campaign's currency.
    """

    model_config = ConfigDict(
        json_schema_extra=one_of(
            {"fixed": (), "percent_of": ("basis_points",), "by": ("steps",)},
            ("fixed", "percent_of", "basis_points", "min", "max", "by", "steps"),
            {"percent_of": ("min", "max")},
        )
    )

    fixed: Amount | None = None
    percent_of: Literal["average_order", "last_order", "lifetime_spend"] | None = None
    basis_points: Annotated[int, Field(ge=1, le=BASIS_POINTS)] | None = None
    min: Amount | None = None
    max: Amount | None = None
    by: _SteppedBy | None = None
    steps: Annotated[list[StepBody], Field(min_length=1, max_length=MAX_STEPS)] | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        said = {name for name in type(self).model_fields if getattr(self, name) is not None}
        if said != {"fixed"} and said != {"by", "steps"} and said - {"min", "max"} != {"percent_of", "basis_points"}:
            raise PydanticCustomError(
                "amount_form", "Input should be fixed, or percent_of with basis_points, or by with steps"
            )
        if self.min is not None and self.max is not None and self.min > self.max:
            raise PydanticCustomError("amount_bounds", "Input should have a min that is not more than its max")
        for step in self.steps or ():
            if (step.at_least is None) == (step.equals is None) or (step.equals is None) != (self.by in NUMBERS):
                raise PydanticCustomError(
                    "steps", "Input should have steps with at_least for a number, with equals for a word"
                )
        places = [(step.at_least, step.equals) for step in self.steps or ()]
        if len(set(places)) < len(places):
            raise PydanticCustomError("steps_twice", "Input should have steps that differ in at_least or equals")
        return self

    def rule(self) -> AmountRule:
        if self.fixed is not None:
            return Fixed(self.fixed)
        if self.percent_of is not None and self.basis_points is not None:
            return Share(Basis(self.percent_of), self.basis_points, self.min, self.max)
        steps = tuple(Step(each.amount, each.at_least, each.equals) for each in self.steps or ())
        return Stepped(self.by or "", steps)


def _spelt_out(told: object) -> object:
    """A plain integer is a fixed amount."""
    if type(told) is not int:
        return told
    if told < 1:
        raise PydanticKnownError("greater_than_equal", {"ge": 1})
    if told > MAX_AMOUNT:
        raise PydanticKnownError("less_than_equal", {"le": MAX_AMOUNT})
    return {"fixed": told}


class _OrInteger:
    """In the schema: or a plain integer."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [{"type": "integer", "minimum": 1, "maximum": MAX_AMOUNT}, handler(schema)]}


AnyAmount = Annotated[AmountBody, BeforeValidator(_spelt_out), _OrInteger()]


def _distance(told: object) -> object:
    return _DISTANCES.get(told, told) if isinstance(told, str) else told


class _OrWord:
    """In the schema: or the name of a distance."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [{"type": "string", "enum": list(_DISTANCES)}, handler(schema)]}


class EveryBody(Body):
    """So many days, or so many months."""

    model_config = ConfigDict(json_schema_extra=one_of({"days": (), "months": ()}, ("days", "months")))

    days: Annotated[int, Field(ge=1, le=MAX_REPEAT_DAYS)] | None = None
    months: Annotated[int, Field(ge=1, le=MAX_REPEAT_MONTHS)] | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.days is None) == (self.months is None):
            raise PydanticCustomError("every", "Input should have either days or months")
        return self


class RepeatBody(Body):
    """`every`: a run at each of these distances, in local time, until the campaign ends. Or `on_entry`: each day, for
    those who came into a group and have not had it yet.

    A customer gets it again `cool_down_days` after the last time (left out: at each run; with on_entry: never again),
    and `lifetime_cap` times at the most.
    """

    model_config = ConfigDict(json_schema_extra=one_of({"every": (), "on_entry": ()}, ("every", "on_entry")))

    every: Annotated[EveryBody, BeforeValidator(_distance), _OrWord()] | None = None
    on_entry: Literal[True] | None = None
    cool_down_days: Annotated[int, Field(ge=1, le=MAX_COOL_DOWN_DAYS)] | None = None
    lifetime_cap: Annotated[int, Field(ge=1, le=MAX_LIFETIME_CAP)] | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.every is None) == (self.on_entry is None):
            raise PydanticCustomError("repeat", "Input should have either every or on_entry (true)")
        return self

    def repeat(self) -> Repeat:
        every = _DAILY if self.every is None else Every(self.every.days or 0, self.every.months or 0)
        return Repeat(every, self.on_entry is True, self.cool_down_days, self.lifetime_cap)


class NotifyBody(Body):
    """How those who got credit are told."""

    channels: Annotated[
        tuple[_Channel, ...],
        Field(
            max_length=4,
            description="Over which people are told that the credit has arrived. Webhooks always hear what they "
            "subscribed to: `webhook` changes nothing beside others, and alone means that nobody but machines is told. "
            "Reminders go over every channel that a customer consents to",
            json_schema_extra={"minItems": 1, "uniqueItems": True},
        ),
    ]
    template: Name | None = None

    @field_validator("channels")
    @classmethod
    def _each_once(cls, told: tuple[str, ...]) -> tuple[str, ...]:
        if not told or len(set(told)) < len(told):
            raise PydanticCustomError("channels", "Input should name one channel or more, and each once")
        return told
