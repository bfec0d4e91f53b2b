"""What every answer is, and the problem that any call may be answered with instead."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Part(BaseModel):
    """An answer or a part of one."""

    model_config = ConfigDict(frozen=True)


class ProblemError(Part):
    """`pointer` is a JSON Pointer into the body; of what is not in it, it begins with /path, /query or /header. Of a
    call whose body says nothing (schedule, release-now, resume and forecast of a campaign) it leads into the campaign
    as GET answers it, which always has `groups`; of applying an import into its rows: /rows/{number}/{column}."""

    pointer: str
    message: str


class Problem(Part):
    """RFC 9457. `code` is stable; the facts of the case stand beside these members."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[ProblemError] = Field(default_factory=list)
