"""Calls that import and export customers and credits."""

from __future__ import annotations

from chalicelib.edge.access import CUSTOMERS_READ, CUSTOMERS_WRITE, READ
from chalicelib.edge.call import Later, Route

_CALLS = "chalicelib.edge.imports.calls"
_EXPORTS = "chalicelib.edge.imports.exports"
_BODIES = "chalicelib.edge.imports.bodies"

IMPORTS: tuple[Route, ...] = (
    Route(
        "check_import",
        "POST",
        "/v1/imports",
        "Check every row of a table (CSV, its header first) and keep it, to be applied; nothing else changes. "
        "Credits need wallets:write too",
        Later(_CALLS, "check"),
        answer="CheckedImport",
        scopes=CUSTOMERS_WRITE,
        body=Later(_BODIES, "ImportBody"),
        status=201,
        mutates=True,
    ),
    Route(
        "get_import",
        "GET",
        "/v1/imports/{import}",
        "An import, and what became of it in numbers",
        Later(_CALLS, "one"),
        answer="Import",
        scopes=CUSTOMERS_WRITE,
    ),
    Route(
        "list_import_rows",
        "GET",
        "/v1/imports/{import}/rows",
        "The rows of an import, each with its verdict and, once it was applied, what became of it",
        Later(_CALLS, "rows"),
        answer="ImportRowPage",
        scopes=CUSTOMERS_WRITE,
        paged=True,
        refusals=("invalid_cursor",),
    ),
    Route(
        "apply_import",
        "POST",
        "/v1/imports/{import}/apply",
        "Apply the rows of an import, each exactly once; one that got stuck goes on where it stopped",
        Later(_CALLS, "apply"),
        answer="Import",
        scopes=CUSTOMERS_WRITE,
        body=Later(_BODIES, "ApplyBody"),
        mutates=True,
        refusals=("import_has_errors",),
    ),
    Route(
        "export_customers",
        "GET",
        "/v1/exports/customers",
        "Customers as CSV, with the columns of an import; pages put one behind the other are one file",
        Later(_EXPORTS, "customers"),
        answer="ExportPage",
        scopes=CUSTOMERS_READ,
        paged=True,
        refusals=("invalid_cursor",),
    ),
    Route(
        "export_credits",
        "GET",
        "/v1/exports/credits",
        "Open lots of known customers as CSV; pages put one behind the other are one file",
        Later(_EXPORTS, "credits_"),
        answer="ExportPage",
        scopes=READ,
        paged=True,
        refusals=("invalid_cursor",),
    ),
)
