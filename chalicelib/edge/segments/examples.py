"""Examples of requests about segments, by the names of their routes."""

from __future__ import annotations

from typing import Any

from chalicelib.segments.phrases import message

_ID = "seg_oqfsz2ulu3yd2k6ytwpdkzwt"
_AT = "2026-03-02T09:00:00Z"
_LAPSED = {
    "all": [
        {"field": "orders.count", "op": ">=", "value": 3, "from": 365, "to": 91},
        {"not": {"field": "orders.count", "op": ">", "value": 0, "within_days": 90}},
        {"field": "profile.country", "op": "in", "value": ["DE", "AT"]},
    ]
}
_BIRTHDAY = {"field": "birthday", "op": "<=", "value": 14}
_SEGMENT = {
    "id": _ID,
    "name": "Lapsed regulars",
    "where": _LAPSED,
    "template": None,
    "parameters": None,
    "version": 1,
    "created_at": _AT,
    "updated_at": _AT,
}
_BIRTHDAYS = {
    "name": "Birthdays",
    "where": _BIRTHDAY,
    "template": "birthday_soon",
    "parameters": {"days": 14},
}

REQUESTS: dict[str, Any] = {
    "create_segment": {"name": "Lapsed regulars", "where": _LAPSED},
    "put_segment": {"name": "Birthdays", "template": "birthday_soon", "parameters": {"days": 14}},
    "preview_segment": {"where": _LAPSED},
}
ANSWERS: dict[str, Any] = {
    "list_segment_templates": {
        "data": [
            {
                "id": "birthday_soon",
                "name": "Birthday soon",
                "description": "Birthday today or in the next days",
                "goal": "loyalty",
                "parameters": [
                    {
                        "name": "days",
                        "type": "days",
                        "default": 30,
                        "required": False,
                        "description": "In the next so many days",
                    }
                ],
                "recommended": {
                    "amount": {"fixed": 1000},
                    "expires": {"days": 45},
                    "conditions": None,
                    "message": message("Your birthday is near: {{ amount }} to spend on yourself"),
                },
            }
        ]
    },
    "create_segment": _SEGMENT,
    "list_segments": {"data": [_SEGMENT], "next_cursor": None},
    "get_segment": _SEGMENT,
    "put_segment": {**_SEGMENT, **_BIRTHDAYS, "version": 2},
    "delete_segment": {"id": _ID, "deleted": True},
    "preview_segment": {
        "matched": 412,
        "total": 5000,
        "sample": ["alice", "bob"],
        "evaluated_at": _AT,
        "exact": True,
        "error": 0,
        "percentile_error_basis_points": None,
    },
    "list_segment_members": {"data": [{"customer": "alice"}, {"customer": "bob"}], "next_cursor": None},
}
