"""What identifiers look like, as regular expressions: in the path, in bodies, in tokens, in the API's description.

They are read by Python, by Rust (pydantic) and by ECMA 262 (whoever reads the description): so no `\\d`, which means
other digits too in two of them, and no `$` in what Python compiles, where it matches before a last line break as well.
"""

from __future__ import annotations

import re

from chalicelib.ledger.limits import MAX_ID_CHARACTERS

IDENTIFIER = rf"^[A-Za-z0-9._:@+-]{{1,{MAX_ID_CHARACTERS}}}$"
CURRENCY = r"^[A-Z0-9]{3,10}$"
EVENT_WORD = r"^[\x21-\x7e]{1,255}$"
"""An event's id, source or type: printable ASCII without spaces, as URIs are."""
KEY = r"^[\x20-\x7e]{1,255}$"


def compiled(pattern: str) -> re.Pattern[str]:
    """For `fullmatch`."""
    return re.compile(pattern.removeprefix("^").removesuffix("$"), re.ASCII)


IDENTIFIER_SHAPE = compiled(IDENTIFIER)
CURRENCY_SHAPE = compiled(CURRENCY)
EVENT_WORD_SHAPE = compiled(EVENT_WORD)
KEY_SHAPE = compiled(KEY)
