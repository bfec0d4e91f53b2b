"""What callers may send about rules. Null is the same as left out."""

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from chalicelib.edge.fields import Amount, Body, Currency, Few, Instant, Money, Name
from chalicelib.edge.terms import Expires
from chalicelib.ledger.conditions import BASIS_POINTS
from chalicelib.rules.model import MAX_CAP, MAX_DELAY_DAYS, ORDER_PAID, Base, Terms


def _schema_of(said: str, *foreign: str) -> dict[str, Any]:
    """What a schema has to say of a way to grant that the fields do not."""
    nothing = {name: {"type": "null"} for name in foreign}
    return {"properties": {said: {"type": "integer"}, **nothing}, "required": [said]}


class RuleGrant(Body):
    """What an order earns: a fixed amount, or a share of the base (rounded down), at most `max`."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [_schema_of("fixed", "basis_points", "max"), _schema_of("basis_points", "fixed")]}
    )

    fixed: Amount | None = None
    basis_points: Annotated[int, Field(ge=1, le=BASIS_POINTS)] | None = None
    max: Amount | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.fixed is None) == (self.basis_points is None):
            raise PydanticCustomError("grant", "Input should have one of fixed, basis_points")
        if self.fixed is not None and self.max is not None:
            raise PydanticCustomError("grant", "Input should have max with basis_points only")
        return self


class RuleBody(Body):
    """A rule as the merchant says it. `total_over` is compared with the whole total of the order, strictly."""

    name: Name
    trigger: Literal["order.paid"]
    currency: Currency
    from_: Instant | None = Field(default=None, alias="from")
    to: Instant | None = None
    total_over: Money | None = None
    base: Literal["merchandise_less_credit", "merchandise", "total_less_credit", "total"] | None = None
    sites: Few[Name] | None = None
    grant: RuleGrant
    cap_per_customer: (
        Annotated[
            int, Field(ge=1, le=MAX_CAP, description="Grants, not money: how often the rule grants to one customer")
        ]
        | None
    ) = None
    delay_days: Annotated[int, Field(ge=0, le=MAX_DELAY_DAYS)] | None = None
    expires: Expires | None = None
    notify: bool | None = None

    def terms(self) -> Terms:
        return Terms(
            name=self.name,
            currency=self.currency,
            fixed=self.grant.fixed,
            basis_points=self.grant.basis_points,
            max_amount=self.grant.max,
            base=Base(self.base or Base.MERCHANDISE_LESS_CREDIT),
            total_over=self.total_over,
            starts_at=self.from_,
            ends_at=self.to,
            sites=tuple(dict.fromkeys(self.sites or ())),
            cap_per_customer=self.cap_per_customer,
            delay_days=self.delay_days or 0,
            expires=self.expires.expiry() if self.expires else None,
            notify=self.notify,
            trigger=ORDER_PAID,
        )


class RuleStateBody(Body):
    """Nothing is said with a pause or its end."""
