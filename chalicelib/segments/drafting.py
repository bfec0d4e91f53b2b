"""Whom a caller means: a tree, or a template with its parameters, checked. Pointers lead into the request's body."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.segments.refusals import WrongSegment
from chalicelib.segments.store import Json
from chalicelib.segments.templates import instantiate
from chalicelib.segments.where import Where, WrongWhere, parse


@dataclass(frozen=True, slots=True)
class Drafted:
    """A tree as JSON and as parsed; and the template that it was made from."""

    tree: Json
    where: Where
    template: str | None = None
    parameters: Json | None = None


def drafted(where: Json | None, template: str | None, parameters: Json | None) -> Drafted:
    """The tree of exactly one of both.

    :raises WrongSegment: it is both, or neither
    :raises WrongWhere, WrongParameter, NotFound: see `where.parse` and `templates.instantiate`
    """
    if template is not None:
        if where is not None:
            raise WrongSegment("must not stand beside template: a segment is one or the other", field="/where")
        tree = instantiate(template, parameters)
        return Drafted(tree, parse(tree), template, parameters or {})
    if where is None:
        raise WrongSegment("is missing: a segment is a where tree, or a template", field="/where")
    if parameters is not None:
        raise WrongSegment("belongs to a template", field="/parameters")
    try:
        return Drafted(where, parse(where))
    except WrongWhere as wrong:
        raise wrong.below("/where") from None
