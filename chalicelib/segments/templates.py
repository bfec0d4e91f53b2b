"""Templates: trees that marketers ask for again and again, with the numbers left open.

A parameter is given by name; what is left out is as the template has it, and what has no default must be given.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.ledger.limits import MAX_AMOUNT
from chalicelib.ledger.refusals import NotFound, Refused
from chalicelib.segments.blueprint import Json, Parameter, ParameterType, Template
from chalicelib.segments.scalars import MAX_COUNT, MAX_DAYS, MAX_VALUES, WrongWhere, day, disorder, word


class WrongParameter(Refused):
    """A parameter that the template does not have, or cannot take."""

    code = "validation_failed"


_RANGE = {
    ParameterType.COUNT: (1, MAX_COUNT),
    ParameterType.DAYS: (0, MAX_DAYS),
    ParameterType.MONEY: (0, MAX_AMOUNT),
    ParameterType.PERCENT: (1, 99),
}


def templates() -> tuple[Template, ...]:
    """The library, in the order in which it is shown."""
    from chalicelib.segments.library import LIBRARY

    return LIBRARY


def instantiate(template: str, parameters: Mapping[str, Any] | None = None) -> Json:
    """The `where` tree that a template makes with these parameters.

    :raises NotFound: there is no such template; its pointer is /template
    :raises WrongParameter: with a pointer to it: /parameters/<name>
    """
    found = next((each for each in templates() if each.id == template), None)
    if found is None:
        raise NotFound("There is no such template.", field="/template", template=template)
    given = {name: value for name, value in (parameters or {}).items() if value is not None}
    known = {each.name: each for each in found.parameters}
    for name in parameters or {}:
        if name not in known:
            raise WrongParameter(f"is not a parameter of {template}", field=_pointer(name))
    values = {
        name: _value(each, given[name], _pointer(name)) if name in given else each.default
        for name, each in known.items()
    }
    for name, value in values.items():
        if value is None:
            raise WrongParameter(f"is missing: {template} needs it", field=_pointer(name))
    return _told(found, values)


def _told(template: Template, values: Mapping[str, Any]) -> Json:
    if "from" in values and "to" in values:
        first, last = (day(values[name], _pointer(name)) for name in ("from", "to"))
        if wrong := disorder(first, last):
            raise WrongParameter(wrong, field=_pointer("to"))
    return template.build(values)


def _value(parameter: Parameter, told: Any, at: str) -> Any:
    try:
        match parameter.type:
            case ParameterType.LIST:
                return _list(told, at)
            case ParameterType.DAY:
                day(told, at)
                return told
    except WrongWhere as wrong:
        raise WrongParameter(wrong.message, field=wrong.pointer) from None
    least, most = _RANGE[parameter.type]
    if not isinstance(told, int) or isinstance(told, bool) or not least <= told <= most:
        raise WrongParameter(f"must be an integer from {least} to {most}", field=at)
    return told


def _list(told: Any, at: str) -> list[str]:
    if isinstance(told, str):
        return [word(told, at)]
    if not isinstance(told, list | tuple) or not 1 <= len(told) <= MAX_VALUES:
        raise WrongParameter(f"must be a list of 1 to {MAX_VALUES} strings", field=at)
    return [word(each, f"{at}/{number}") for number, each in enumerate(told)]


def _pointer(name: str) -> str:
    return "/parameters/" + name.replace("~", "~0").replace("/", "~1")[:MAX_POINTER_NAME]


MAX_POINTER_NAME = 128
"""Characters of a caller's own name that are echoed in a pointer."""
