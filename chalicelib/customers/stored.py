"""Values as stored, of which each part is read when it is first asked for.

Reading all of a profile takes most of the time that looking at one does, and most questions are about one part or two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

Json = dict[str, Any]
Parts = Mapping[str, Callable[[Json], Any]]
"""How each field is read, by its name."""


class Stored:
    """Mixed into a frozen class of values: `parts` says of each of its fields how it is read. What is made by `told` is
    equal to the value with the same parts, read or not."""

    __hash__ = None  # type: ignore[assignment]
    parts: ClassVar[Parts]

    def __init_subclass__(cls) -> None:
        for name, read in cls.parts.items():
            setattr(cls, name, _Part(name, read))

    @classmethod
    def told(cls, told: Json) -> Self:
        value = cls.__new__(cls)
        value.__dict__[_TOLD] = told
        return value

    def __eq__(self, other: object) -> bool:
        if not all(hasattr(other, name) for name in self.parts):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.parts)


class _Part:
    """Reads a field when it is first asked for; from then on the value's own dictionary has it, which Python looks into
    first where a descriptor cannot be set."""

    def __init__(self, name: str, read: Callable[[Json], Any]) -> None:
        self._name = name
        self._read = read

    def __get__(self, value: Any, owner: type) -> Any:
        if value is None:
            return self
        had = value.__dict__
        part = had[self._name] = self._read(had[_TOLD])
        return part


_TOLD = " told"
"""Where a value keeps what it is read from: no field has such a name."""
