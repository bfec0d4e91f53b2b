"""How the rule that a grant was earned by becomes text and back."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

from chalicelib.ledger.earning import Earning
from chalicelib.ledger.policy import Clawback
from chalicelib.store.packing import compact


def earning_text(earning: Earning) -> str:
    return compact(what_is_said(earning))


def earning_of(text: str) -> Earning:
    told: dict[str, Any] = json.loads(text)
    return Earning(**{**told, "clawback": Clawback(told["clawback"])})


def what_is_said(value: Any) -> dict[str, Any]:
    """The fields that say something; zero does: a refund whose credit share is nothing has one."""
    said = {field.name: getattr(value, field.name) for field in fields(value)}
    return {name: told for name, told in said.items() if told is not None and told is not False and told != ()}
