"""Calls about segments."""

from __future__ import annotations

from chalicelib.edge.access import CAMPAIGNS_READ, CAMPAIGNS_WRITE
from chalicelib.edge.call import Later, Route

_CALLS = "chalicelib.edge.segments.calls"
_BODIES = "chalicelib.edge.segments.bodies"

SEGMENTS: tuple[Route, ...] = (
    Route(
        "list_segment_templates",
        "GET",
        "/v1/segments/templates",
        "The library of templates: what each selects, its parameters, and what goes well with it",
        Later(_CALLS, "templates"),
        answer="SegmentTemplates",
        scopes=CAMPAIGNS_READ,
    ),
    Route(
        "preview_segment",
        "POST",
        "/v1/segments/preview",
        "How many customers a tree or a template selects just now; nothing is kept",
        Later(_CALLS, "preview"),
        answer="SegmentPreview",
        scopes=CAMPAIGNS_READ,
        body=Later(_BODIES, "SelectionBody"),
        refusals=("not_found",),
    ),
    Route(
        "create_segment",
        "POST",
        "/v1/segments",
        "Keep a tree, or a template with its parameters, under a name",
        Later(_CALLS, "create"),
        answer="Segment",
        scopes=CAMPAIGNS_WRITE,
        body=Later(_BODIES, "SegmentBody"),
        status=201,
        mutates=True,
        refusals=("not_found",),
    ),
    Route(
        "list_segments",
        "GET",
        "/v1/segments",
        "The segments, by their ids",
        Later(_CALLS, "every"),
        answer="SegmentPage",
        scopes=CAMPAIGNS_READ,
        paged=True,
        refusals=("invalid_cursor",),
    ),
    Route(
        "get_segment",
        "GET",
        "/v1/segments/{segment}",
        "One segment",
        Later(_CALLS, "one"),
        answer="Segment",
        scopes=CAMPAIGNS_READ,
        versioned=True,
    ),
    Route(
        "put_segment",
        "PUT",
        "/v1/segments/{segment}",
        "Replace a segment. A campaign that is scheduled goes by the tree as it was then",
        Later(_CALLS, "put"),
        answer="Segment",
        scopes=CAMPAIGNS_WRITE,
        body=Later(_BODIES, "SegmentBody"),
        mutates=True,
        versioned=True,
        if_match_optional=True,
        refusals=("version_conflict",),
    ),
    Route(
        "delete_segment",
        "DELETE",
        "/v1/segments/{segment}",
        "Forget a segment. A campaign that is scheduled goes by the tree as it was then",
        Later(_CALLS, "delete"),
        answer="SegmentDeleted",
        scopes=CAMPAIGNS_WRITE,
        mutates=True,
    ),
    Route(
        "list_segment_members",
        "GET",
        "/v1/segments/{segment}/members",
        "Who is a member just now. A page may be short or empty and still not be the last: next_cursor tells",
        Later(_CALLS, "members"),
        answer="SegmentMembers",
        scopes=CAMPAIGNS_READ,
        paged=True,
        refusals=("invalid_cursor",),
    ),
)
