"""What the fuzzer cannot know from the description, because no schema can say it.

A key stands for one request, so each request gets one of its own. A dry run needs no key, so a case about a missing key
is no dry run; what it answers is not there afterwards, so in a chain of requests there is none. To JSON Schema 849.0
is an integer, to this API it is a float; so it is sent where data is to be wrong.
"""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import schemathesis
from schemathesis.core import NotSet

KEY = "Idempotency-Key"
_GOOD = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?")


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    headers = case.headers or {}
    if not headers.get(KEY) or (case.meta is not None and case.meta.phase.name == "stateful"):
        (case.query or {}).pop("dry_run", None)
    if _GOOD.fullmatch(str(headers.get(KEY, ""))):
        headers[KEY] = f"fuzz-{uuid4()}"
    if not isinstance(case.body, NotSet) and (case.meta is None or case.meta.generation.mode.is_positive):
        case.body = integers(case.body)  # nothing in the place of nothing would be judged anew, as a wrong body


def integers(value: Any) -> Any:
    """The value with its whole floats as integers."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case list():
            return [integers(each) for each in value]
        case dict():
            return {name: integers(each) for name, each in value.items()}
    return value
