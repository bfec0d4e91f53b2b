"""The `where` tree: what makes a customer a member, read strictly. What is wrong is told with a JSON Pointer into it.

    {all: [tree, …]}   {any: [tree, …]}   {not: tree}
    {field, op, value, within_days? | from?, to?, of?}

A day is "YYYY-MM-DD", an RFC 3339 instant of it, or an integer: so many days ago, 0 is today. `within_days: N` is today
and the N days before it; `from` and `to` are both included, and what is left out is open.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from chalicelib.ledger.limits import MAX_ID_CHARACTERS
from chalicelib.segments.fields import FIELDS, OPS, Besides, Field
from chalicelib.segments.scalars import Day, Json, Value, WrongWhere, day, days, disorder, value_of, word

__all__ = ["Every", "Leaf", "Not", "Some", "Where", "Window", "WrongWhere", "leaves", "parse"]

MAX_DEPTH = 8
"""Levels of a tree: a leaf alone is one."""
MAX_LEAVES = 50
_BRANCHES = ("all", "any", "not")
_LEAF = frozenset({"field", "op", "value", "within_days", "from", "to", "of"})
_ATTRIBUTES = "profile.attributes"
_CURRENCY = re.compile(r"[A-Z0-9]{3,10}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Window:
    """Days of which both ends count; None is open."""

    first: Day | None
    last: Day | None


@dataclass(frozen=True, slots=True)
class Leaf:
    """One question. `exists` has true or false for its value; `ahead` is `within_days` of what lies in the future."""

    field: str
    op: str
    value: Value
    window: Window | None = None
    ahead: int | None = None
    of: str | None = None


@dataclass(frozen=True, slots=True)
class Every:
    parts: tuple[Where, ...]


@dataclass(frozen=True, slots=True)
class Some:
    parts: tuple[Where, ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: Where


Where = Leaf | Every | Some | Not


def parse(tree: Json) -> Where:
    """The tree, if it is one.

    :raises WrongWhere: it is not; the first thing that is wrong
    """
    where = _tree(tree, "", 1)
    if sum(1 for _ in leaves(where)) > MAX_LEAVES:
        raise WrongWhere("", f"has more than {MAX_LEAVES} leaves")
    return where


def leaves(where: Where) -> Iterator[Leaf]:
    """Every leaf of a tree, from left to right."""
    match where:
        case Leaf():
            yield where
        case Not(part):
            yield from leaves(part)
        case Every(parts) | Some(parts):
            for part in parts:
                yield from leaves(part)


def _tree(tree: Json, at: str, depth: int) -> Where:
    if not isinstance(tree, Mapping):
        raise WrongWhere(at, "must be an object: all, any, not, or a leaf with a field")
    if depth > MAX_DEPTH:
        raise WrongWhere(at, f"is nested deeper than {MAX_DEPTH} levels")
    for name in tree:
        if name not in _LEAF and name not in _BRANCHES:
            raise WrongWhere(f"{at}/{_token(name)}", "is not something that a leaf or a branch has")
    tree = {name: told for name, told in tree.items() if told is not None}
    branch = next((name for name in _BRANCHES if name in tree), None)
    if branch is None:
        return _leaf(tree, at)
    if len(tree) > 1:
        other = next(name for name in tree if name != branch)
        raise WrongWhere(f"{at}/{_token(other)}", f"must not stand beside {branch}")
    below = tree[branch]
    if branch == "not":
        return Not(_tree(below, f"{at}/not", depth + 1))
    if not isinstance(below, Sequence) or isinstance(below, str) or not below:
        raise WrongWhere(f"{at}/{branch}", "must be a list of one tree or more")
    if len(below) > MAX_LEAVES:
        raise WrongWhere(f"{at}/{branch}", f"must be at most {MAX_LEAVES} trees")
    parts = tuple(_tree(part, f"{at}/{branch}/{number}", depth + 1) for number, part in enumerate(below))
    return Every(parts) if branch == "all" else Some(parts)


def _leaf(told: Mapping[str, Json], at: str) -> Leaf:
    field, named = _field(told, at)
    op = told.get("op")
    if not isinstance(op, str) or op not in OPS[field.shape]:
        raise WrongWhere(f"{at}/op", f"must be one of {' '.join(sorted(OPS[field.shape]))} for {field.name}")
    of = _of(field, told.get("of", named), f"{at}/of")
    window, ahead = _window(field, told, at)
    if op == "exists":
        value: Value = told.get("value", True)
        if not isinstance(value, bool):
            raise WrongWhere(f"{at}/value", "must be true, false or left out with exists")
    elif "value" not in told:
        raise WrongWhere(f"{at}/value", "is missing")
    elif isinstance(told["value"], bool) and Besides.AHEAD in field.besides and op in ("=", "!="):
        value = told["value"]  # "a birthday in the next 30 days: yes"
    else:
        value = value_of(field, op, told["value"], f"{at}/value")
    return Leaf(field.name, op, value, window, ahead, of)


def _field(told: Mapping[str, Json], at: str) -> tuple[Field, str | None]:
    """The field, and the attribute behind its name: `profile.attributes.size` is short for one with `of`."""
    name = told.get("field")
    if not isinstance(name, str):
        raise WrongWhere(f"{at}/field", "must be the name of a field")
    attribute = None
    if name.startswith(f"{_ATTRIBUTES}.") and "of" not in told:
        name, attribute = _ATTRIBUTES, name.removeprefix(f"{_ATTRIBUTES}.")
    if name not in FIELDS:
        raise WrongWhere(f"{at}/field", "is not a field that there is")
    return FIELDS[name], attribute


def _of(field: Field, of: Json, at: str) -> str | None:
    if Besides.ATTRIBUTE in field.besides:
        return word(of, at)
    if of is None:
        return None
    if Besides.CURRENCY not in field.besides:
        raise WrongWhere(at, f"is not something that {field.name} has")
    if not isinstance(of, str) or not _CURRENCY.fullmatch(of):
        raise WrongWhere(at, "must be a currency: 3-10 characters of A-Z 0-9")
    return of


def _window(field: Field, told: Mapping[str, Json], at: str) -> tuple[Window | None, int | None]:
    asked = [name for name in ("within_days", "from", "to") if name in told]
    if not asked:
        return None, None
    if Besides.AHEAD in field.besides and asked == ["within_days"]:
        return None, days(told["within_days"], f"{at}/within_days")
    if Besides.WINDOW not in field.besides:
        raise WrongWhere(f"{at}/{asked[0]}", f"is not something that {field.name} has")
    if asked[0] == "within_days":
        if len(asked) > 1:
            raise WrongWhere(f"{at}/{asked[1]}", "must not stand beside within_days")
        return Window(days(told["within_days"], f"{at}/within_days"), 0), None
    first = day(told["from"], f"{at}/from") if "from" in asked else None
    last = day(told["to"], f"{at}/to") if "to" in asked else None
    if wrong := disorder(first, last):
        raise WrongWhere(f"{at}/to", wrong)
    return Window(first, last), None


def _token(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")[:MAX_ID_CHARACTERS]
