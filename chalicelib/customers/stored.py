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
    """Mixed into a frozen class of values with slots: `parts` says of each of its fields how it is read. What is made
    by `told` is equal to the value with the same parts, read or not."""

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]
    parts: ClassVar[Parts]
    _told: Json

    @classmethod
    def told(cls, told: Json) -> Self:
        value = object.__new__(cls)
        object.__setattr__(value, "_told", told)
        return value

    def __getattr__(self, name: str) -> Any:
        read = self.parts.get(name)
        if read is None:
            raise AttributeError(name)
        part = read(self._told)
        object.__setattr__(self, name, part)
        return part

    def __eq__(self, other: object) -> bool:
        if not all(hasattr(other, name) for name in self.parts):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.parts)
