"""Segments as callers send them. A tree is read by `segments.where`: the model only knows that it is an object."""

from typing import Annotated, Any

from pydantic import Field

from chalicelib.edge.fields import Body, Name

_TREE = """\
A tree: {all: [tree, …]}, {any: [tree, …]}, {not: tree}, or a leaf {field, op, value, within_days? | from?, to?, of?}. \
At most 8 levels and 50 leaves. Ops: = != > >= < <= in contains exists. A day is YYYY-MM-DD, or so many days ago."""

WhereTree = Annotated[dict[str, Any], Field(description=_TREE)]
Parameters = Annotated[dict[str, Any], Field(description="By name, as the template has them")]


class SelectionBody(Body):
    """Exactly one of both: a tree, or a template with its parameters."""

    where: WhereTree | None = None
    template: Name | None = None
    parameters: Parameters | None = None


class SegmentBody(SelectionBody):
    """A selection with a name. What is left out of a template's parameters is as the template has it."""

    name: Name
