"""What a template is: a tree with its numbers left open, the parameters that fill them, and what goes well with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Json = dict[str, Any]
Build = Callable[[Mapping[str, Any]], Json]
"""A tree from the values of all parameters."""


class ParameterType(StrEnum):
    """What a parameter takes: a count from 1, days from 0, minor units, a share from 1 to 99 (percent), a day as in a
    tree, or a list of strings (one alone stands for a list of it)."""

    COUNT = "count"
    DAYS = "days"
    MONEY = "money"
    PERCENT = "percent"
    DAY = "day"
    LIST = "list"


@dataclass(frozen=True, slots=True)
class Parameter:
    """`default` None: it must be given."""

    name: str
    type: ParameterType
    default: Any
    description: str


@dataclass(frozen=True, slots=True)
class Recommended:
    """What goes well with a template: amount, expiry and conditions as a campaign takes them (minor units), and what to
    tell people: the source of a notice template's text, in Jinja2 with the variables of notices."""

    amount: Json
    expires: Json
    message: str
    conditions: Json | None = None


@dataclass(frozen=True, slots=True)
class Template:
    id: str
    name: str
    description: str
    goal: str
    build: Build
    recommended: Recommended
    parameters: tuple[Parameter, ...] = ()
