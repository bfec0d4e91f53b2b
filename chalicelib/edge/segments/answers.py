"""What is answered about segments, as models."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AwareDatetime, Field

from chalicelib.edge.answer_parts import Part


class Segment(Part):
    """A named tree. One made from a template says which, and with what parameters."""

    id: str
    name: str
    where: dict[str, Any]
    template: str | None
    parameters: dict[str, Any] | None
    version: int = Field(ge=1)
    created_at: AwareDatetime
    updated_at: AwareDatetime


class SegmentPage(Part):
    data: list[Segment]
    next_cursor: str | None


class SegmentDeleted(Part):
    id: str
    deleted: Literal[True]


class SegmentParameter(Part):
    """`default` null: it must be given."""

    name: str
    type: Literal["count", "days", "money", "percent", "day", "list"]
    default: int | str | list[str] | None
    required: bool
    description: str


class SegmentRecommended(Part):
    """What goes well with a template: amount, expiry and conditions as a campaign takes them, and what to tell: a
    `message` that can be put into a notice template as it is."""

    amount: dict[str, Any]
    expires: dict[str, Any]
    conditions: dict[str, Any] | None
    message: str


class SegmentTemplate(Part):
    id: str
    name: str
    description: str
    goal: Literal["reactivate", "raise_order_value", "promote_products", "first_purchase", "loyalty", "other"]
    parameters: list[SegmentParameter]
    recommended: SegmentRecommended


class SegmentTemplates(Part):
    data: list[SegmentTemplate]


class SegmentPreview(Part):
    """Customers that match, of all. `error` is the half-width of the 95 % interval of `matched`: 0 where it is `exact`,
    null where both are only the least that they can be. A member by `spend.percentile` may have spent less than the
    percentile by `percentile_error_basis_points`, which is null where the tree does not ask for one."""

    matched: int = Field(ge=0)
    total: int = Field(ge=0)
    sample: list[str] = Field(max_length=20)
    evaluated_at: AwareDatetime
    exact: bool
    error: int | None = Field(ge=0)
    percentile_error_basis_points: int | None = Field(ge=0)


class SegmentMember(Part):
    customer: str


class SegmentMembers(Part):
    data: list[SegmentMember]
    next_cursor: str | None
