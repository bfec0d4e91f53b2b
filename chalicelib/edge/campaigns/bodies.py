"""Campaigns as callers send them. Null is the same as left out, and what is left out is as built in.

One group may stand at the top of a campaign: `segment` (or `where`, or `customers`) with `amount` and `expires`. So
three fields are enough.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from chalicelib.campaigns.model import (
    MAX_BUDGET,
    MAX_CUSTOMERS,
    MAX_GROUPS,
    MAX_REMINDER_DAYS,
    MAX_REMINDERS,
    Campaign,
    Goal,
    Group,
    Notify,
)
from chalicelib.edge.campaigns.available_at import AvailableAtBody, asked_for
from chalicelib.edge.campaigns.parts import NULL, AnyAmount, NotifyBody, RepeatBody, one_of
from chalicelib.edge.fields import Body, Currency, Identifier, Instant, Name, Text
from chalicelib.edge.terms import Expires, LotConditions
from chalicelib.ledger.conditions import BASIS_POINTS

_GoalName = Literal["reactivate", "raise_order_value", "promote_products", "first_purchase", "loyalty", "other"]


def _nobody_twice(told: tuple[str, ...]) -> tuple[str, ...]:
    if not told or len(set(told)) < len(told):
        raise PydanticCustomError("customers", "Input should name one customer or more, and each once")
    return told


def _some(told: tuple[Any, ...]) -> tuple[Any, ...]:
    if not told:
        raise PydanticCustomError("groups", "Input should have one group or more")
    return told


Tree = dict[str, Any]
"""A `where` tree; what is wrong in one is told with a pointer into it."""
Customers = Annotated[
    tuple[Identifier, ...],
    Field(max_length=MAX_CUSTOMERS, json_schema_extra={"minItems": 1, "uniqueItems": True}),
    AfterValidator(_nobody_twice),
]
_MEMBERS = ("segment", "where", "customers")


class GroupBody(Body):
    """Who gets it (one of segment, where, customers), how much, and until when it may be used."""

    model_config = ConfigDict(json_schema_extra=one_of(dict.fromkeys(_MEMBERS, ()), _MEMBERS))

    segment: Identifier | None = None
    where: Tree | None = None
    customers: Customers | None = None
    amount: AnyAmount
    expires: Expires | None = None

    @model_validator(mode="after")
    def _one_kind_of_members(self) -> Self:
        if sum(getattr(self, name) is not None for name in _MEMBERS) != 1:
            raise PydanticCustomError("members", "Input should have one of segment, where, customers")
        return self

    def group(self) -> Group:
        return Group(
            self.amount.rule(),
            self.segment,
            self.where,
            self.customers or (),
            self.expires.expiry() if self.expires else None,
        )


class TermsBody(Body):
    """What may be said of any campaign besides its groups. `reminders` are days before expiry."""

    name: Name | None = None
    description: Text | None = None
    goal: _GoalName | None = None
    currency: Currency = ""
    available_at: AvailableAtBody | None = None
    ends_at: Instant | None = None
    conditions: LotConditions | None = None
    budget: Annotated[int, Field(ge=1, le=MAX_BUDGET)] | None = None
    holdout_basis_points: Annotated[int, Field(ge=0, le=BASIS_POINTS)] | None = None
    notify: NotifyBody | None = None
    reminders: (
        Annotated[tuple[Annotated[int, Field(ge=1, le=MAX_REMINDER_DAYS)], ...], Field(max_length=MAX_REMINDERS)] | None
    ) = None
    repeat: RepeatBody | None = None

    def wanted(self, groups: tuple[Group, ...]) -> Campaign:
        """What is asked for; it has no id yet, and no name or currency where none was said."""
        return Campaign(
            id="",
            name=self.name or "",
            currency=self.currency,
            groups=groups,
            description=self.description,
            goal=Goal(self.goal or Goal.OTHER),
            available_at=None if self.available_at is None else asked_for(self.available_at),
            ends_at=self.ends_at,
            conditions=self.conditions.conditions() if self.conditions else None,
            budget=self.budget,
            holdout_basis_points=self.holdout_basis_points or 0,
            notify=Notify(self.notify.channels, self.notify.template) if self.notify else None,
            reminders=None if self.reminders is None else tuple(sorted(set(self.reminders), reverse=True)),
            repeat=self.repeat.repeat() if self.repeat else None,
        )


_SHORT = (*_MEMBERS, "amount", "expires")


class CampaignBody(TermsBody):
    """A campaign: its groups, of which the first that a customer is in counts, or one group at the top."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {
                    "required": ["groups"],
                    "properties": {"groups": {"not": NULL}, **dict.fromkeys(_SHORT, NULL)},
                },
                *one_of(dict.fromkeys(_MEMBERS, ("amount",)), (*_MEMBERS, "groups"))["oneOf"],
            ]
        }
    )

    groups: (
        Annotated[
            tuple[GroupBody, ...],
            Field(max_length=MAX_GROUPS, json_schema_extra={"minItems": 1}),
            AfterValidator(_some),
        ]
        | None
    ) = None
    segment: Identifier | None = None
    where: Tree | None = None
    customers: Customers | None = None
    amount: Annotated[AnyAmount | None, Field(validate_default=True)] = None
    expires: Expires | None = None

    @field_validator("amount")
    @classmethod
    def _amount_of_members(cls, told: AnyAmount | None, info: ValidationInfo) -> AnyAmount | None:
        if told is None and info.data.get("groups") is None and any(info.data.get(name) for name in _MEMBERS):
            raise PydanticCustomError("amount", "Input should say how much each of them gets")
        return told

    @model_validator(mode="after")
    def _groups_or_one(self) -> Self:
        told = [name for name in _SHORT if getattr(self, name) is not None]
        if self.groups is not None and told:
            raise PydanticCustomError("groups", "Input should have either groups or one group at its top")
        if self.groups is None and (sum(name in _MEMBERS for name in told) != 1 or self.amount is None):
            raise PydanticCustomError(
                "groups", "Input should have groups, or one of segment, where, customers with an amount"
            )
        return self

    @property
    def short(self) -> bool:
        """Whether its one group stands at its top."""
        return self.groups is None

    def campaign(self) -> Campaign:
        if self.groups is not None:
            return self.wanted(tuple(each.group() for each in self.groups))
        assert self.amount is not None, "the short form has an amount"
        expires = self.expires.expiry() if self.expires else None
        return self.wanted((Group(self.amount.rule(), self.segment, self.where, self.customers or (), expires),))


class CampaignTemplateBody(TermsBody):
    """A campaign for those whom a template of segments describes. What is left out is as the template recommends."""

    template: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,64}$")]
    parameters: dict[str, Any] | None = None
    amount: AnyAmount | None = None
    expires: Expires | None = None


class NothingBody(Body):
    """Nothing needs to be said."""
