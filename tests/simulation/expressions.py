"""DynamoDB's condition, key-condition and update expressions, as far as PynamoDB writes them.

    condition   a = b, a <> b, a < b …, BETWEEN, IN, attribute_exists, attribute_not_exists, begins_with, contains,
                AND, OR, NOT, parentheses; a path is a whole attribute, by its name in small letters or by a
                placeholder
    update      SET a = b, a = if_not_exists(a, b), a = b + c; REMOVE a; ADD a b, for numbers

What is not among these fails loudly instead of being guessed at. An attribute that is not there equals nothing and is
neither less nor greater; only `<>` holds for it.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

Value = Mapping[str, Any]
"""An attribute value on the wire: {"S": "…"}, {"N": "…"}, {"B": b"…"}, …"""
Item = dict[str, Value]
Names = Mapping[str, str]
Values = Mapping[str, Value]
Condition = Callable[[Item, Names, Values], bool]
Operand = Callable[[Item, Names, Values], Value | None]

_TOKEN = re.compile(r"\s*([#:]\w+|[A-Za-z_]\w*|<=|>=|<>|[=<>(),+\-])")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Malformed(Exception):
    """The expression is none that the fake engine understands."""


def plain(value: Value) -> tuple[str, Any]:
    """(type, something that Python orders and compares as DynamoDB does)."""
    type_, told = next(iter(value.items()))
    return type_, Decimal(told) if type_ == "N" else told


def holds(expression: str, item: Item | None, names: Names, values: Values) -> bool:
    """Whether a condition holds for an item; None is an item that is not there."""
    return _condition(expression)(item or {}, names, values)


def updated(expression: str, item: Item, names: Names, values: Values) -> Item:
    """The item after an update. Every operand is read from the item as it was before."""
    after = dict(item)
    for name, operand in _update(expression):
        told = operand(item, names, values) if operand else None
        if operand and told is None:
            raise Malformed("an operand of the update is not there")
        if told is None:
            after.pop(names.get(name, name), None)
        else:
            after[names.get(name, name)] = told
    return after


@lru_cache(maxsize=1_000)
def _condition(expression: str) -> Condition:
    parser = _Parser(expression)
    condition = parser.either()
    parser.end()
    return condition


@lru_cache(maxsize=1_000)
def _update(expression: str) -> tuple[tuple[str, Operand | None], ...]:
    parser = _Parser(expression)
    actions: list[tuple[str, Operand | None]] = []
    while parser.ahead is not None:
        clause = parser.take()
        if clause not in ("SET", "REMOVE", "ADD"):
            raise Malformed(f"{clause} in {expression}")
        while True:
            name = parser.take()
            if clause == "SET":
                parser.take("=")
                actions.append((name, parser.sum()))
            elif clause == "ADD":
                actions.append((name, _more(name, parser.operand())))
            else:
                actions.append((name, None))
            if parser.ahead != ",":
                break
            parser.take(",")
    return tuple(actions)


class _Parser:
    """Recursive descent over the tokens of one expression."""

    def __init__(self, expression: str) -> None:
        self._expression = expression
        self._tokens = _TOKEN.findall(expression)
        if re.sub(r"\s", "", expression) != "".join(self._tokens):
            raise Malformed(expression)

    @property
    def ahead(self) -> str | None:
        return self._tokens[0] if self._tokens else None

    def take(self, wanted: str | None = None) -> str:
        if not self._tokens or (wanted is not None and self._tokens[0] != wanted):
            raise Malformed(f"{wanted or 'more'} expected in {self._expression}")
        return str(self._tokens.pop(0))

    def end(self) -> None:
        if self._tokens:
            raise Malformed(f"{self._tokens} left of {self._expression}")

    def either(self) -> Condition:
        left = self._both()
        while self.ahead == "OR":
            self.take()
            left = _or(left, self._both())
        return left

    def _both(self) -> Condition:
        left = self._negated()
        while self.ahead == "AND":
            self.take()
            left = _and(left, self._negated())
        return left

    def _negated(self) -> Condition:
        if self.ahead != "NOT":
            return self._simple()
        self.take()
        inner = self._negated()
        return lambda item, names, values: not inner(item, names, values)

    def _simple(self) -> Condition:
        if self.ahead == "(":
            self.take()
            inner = self.either()
            self.take(")")
            return inner
        if self.ahead in ("attribute_exists", "attribute_not_exists", "begins_with", "contains"):
            return self._function(self.take())
        left = self.operand()
        sign = self.take()
        if sign == "BETWEEN":
            low = self.operand()
            self.take("AND")
            return _and(_compared(left, ">=", low), _compared(left, "<=", self.operand()))
        if sign == "IN":
            options = self._arguments()
            return lambda item, names, values: any(
                _equal(left(item, names, values), option(item, names, values)) for option in options
            )
        return _compared(left, sign, self.operand())

    def _function(self, name: str) -> Condition:
        arguments = self._arguments()
        first = arguments[0]
        match name:
            case "attribute_exists":
                return lambda item, names, values: first(item, names, values) is not None
            case "attribute_not_exists":
                return lambda item, names, values: first(item, names, values) is None
            case "begins_with":
                return _on_strings(first, arguments[1], str.startswith)
            case _:
                return _on_strings(first, arguments[1], str.__contains__)

    def _arguments(self) -> list[Operand]:
        self.take("(")
        found = [self.operand()]
        while self.ahead == ",":
            self.take()
            found.append(self.operand())
        self.take(")")
        return found

    def sum(self) -> Operand:
        left = self.operand()
        while self.ahead in ("+", "-"):
            left = _added(left, 1 if self.take() == "+" else -1, self.operand())
        return left

    def operand(self) -> Operand:
        token = self.take()
        if token.startswith("#"):
            return lambda item, names, values: item.get(names[token])
        if token.startswith(":"):
            return lambda item, names, values: values[token]
        if token[0].isalpha() and token.islower() and token != "if_not_exists":
            return lambda item, names, values: item.get(token)
        if token == "if_not_exists":
            first, other = self._arguments()
            return lambda item, names, values: first(item, names, values) or other(item, names, values)
        raise Malformed(f"{token} in {self._expression}")


def _more(name: str, added: Operand) -> Operand:
    """A number more by so much; one that is not there counts from nothing."""

    def result(item: Item, names: Names, values: Values) -> Value | None:
        here, more = item.get(names.get(name, name), {"N": "0"}), added(item, names, values)
        if more is None or "N" not in here or "N" not in more:
            raise Malformed("only numbers are added to, and only numbers")
        return {"N": str(Decimal(here["N"]) + Decimal(more["N"]))}

    return result


def _and(left: Condition, right: Condition) -> Condition:
    return lambda item, names, values: left(item, names, values) and right(item, names, values)


def _or(left: Condition, right: Condition) -> Condition:
    return lambda item, names, values: left(item, names, values) or right(item, names, values)


def _equal(left: Value | None, right: Value | None) -> bool:
    return left is not None and right is not None and plain(left) == plain(right)


def _compared(left: Operand, sign: str, right: Operand) -> Condition:
    if sign == "=":
        return lambda item, names, values: _equal(left(item, names, values), right(item, names, values))
    if sign == "<>":
        return lambda item, names, values: not _equal(left(item, names, values), right(item, names, values))
    if sign not in _COMPARE:
        raise Malformed(sign)
    compare = _COMPARE[sign]

    def ordered(item: Item, names: Names, values: Values) -> bool:
        here, there = left(item, names, values), right(item, names, values)
        if here is None or there is None:
            return False
        (here_type, here_plain), (there_type, there_plain) = plain(here), plain(there)
        return here_type == there_type and compare(here_plain, there_plain)

    return ordered


def _on_strings(left: Operand, right: Operand, test: Callable[[str, str], bool]) -> Condition:
    def tested(item: Item, names: Names, values: Values) -> bool:
        here, there = left(item, names, values), right(item, names, values)
        return here is not None and there is not None and "S" in here and test(here["S"], there["S"])

    return tested


def _added(left: Operand, sign: int, right: Operand) -> Operand:
    def result(item: Item, names: Names, values: Values) -> Value | None:
        here, there = left(item, names, values), right(item, names, values)
        if here is None or there is None:
            return None
        return {"N": str(Decimal(here["N"]) + sign * Decimal(there["N"]))}

    return result
