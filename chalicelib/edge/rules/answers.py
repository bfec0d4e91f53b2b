"""What is answered about rules, as models."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from chalicelib.edge.answer_parts import Part
from chalicelib.edge.rules.bodies import RuleGrant
from chalicelib.edge.service.answers import At, Days, Months, Never
from chalicelib.rules.model import Base, State


class Rule(Part):
    """A rule. `from` is the instant from which orders earn by it; `deleted` is told once, in answer to a DELETE."""

    id: str
    version: int = Field(ge=1)
    state: State
    name: str
    trigger: Literal["order.paid"]
    currency: str
    from_: AwareDatetime = Field(alias="from")
    to: AwareDatetime | None
    total_over: int | None
    base: Base
    sites: list[str]
    grant: RuleGrant
    cap_per_customer: int | None
    delay_days: int = Field(ge=0)
    expires: Never | At | Days | Months | None
    notify: bool | None
    created_at: AwareDatetime
    updated_at: AwareDatetime
    updated_by: str


class RulePage(Part):
    data: list[Rule]
    next_cursor: str | None
