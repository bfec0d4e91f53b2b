"""Calls about the service itself and the merchant's settings."""

from __future__ import annotations

from chalicelib.edge.access import SETTINGS
from chalicelib.edge.call import Later, Route

SERVICE = (
    Route(
        "get_health",
        "GET",
        "/health",
        "Whether the service is up",
        Later("chalicelib.edge.service.calls", "health"),
        answer="Health",
    ),
    Route(
        "get_description",
        "GET",
        "/openapi.json",
        "This description",
        Later("chalicelib.edge.service.calls", "description"),
        answer="Description",
    ),
    Route(
        "set_test_clock",
        "PUT",
        "/v1/test-clock",
        "Let time stand still at an instant, for every function, where the stage has a test clock",
        Later("chalicelib.edge.service.calls", "set_test_clock"),
        answer="TestClock",
        scopes=SETTINGS,
        body=Later("chalicelib.edge.service.bodies", "ClockBody"),
        mutates=True,
        refusals=("feature_disabled",),
    ),
    Route(
        "reset_test_clock",
        "DELETE",
        "/v1/test-clock",
        "Let time run again",
        Later("chalicelib.edge.service.calls", "reset_test_clock"),
        answer="TestClock",
        scopes=SETTINGS,
        mutates=True,
        refusals=("feature_disabled",),
    ),
)

MERCHANT = (
    Route(
        "get_settings",
        "GET",
        "/v1/settings",
        "The merchant's settings",
        Later("chalicelib.edge.service.settings_calls", "settings"),
        answer="Settings",
        scopes=SETTINGS,
        versioned=True,
    ),
    Route(
        "put_settings",
        "PUT",
        "/v1/settings",
        "Replace the settings; what is left out is as built in. In force everywhere within seconds",
        Later("chalicelib.edge.service.settings_calls", "put"),
        answer="Settings",
        scopes=SETTINGS,
        body=Later("chalicelib.edge.service.settings_bodies", "SettingsBody"),
        mutates=True,
        versioned=True,
        refusals=("version_conflict",),
    ),
)
