"""Calls about customers."""

from __future__ import annotations

from chalicelib.edge.access import CUSTOMERS_READ, CUSTOMERS_WRITE
from chalicelib.edge.call import Later, Route

_CALLS = "chalicelib.edge.customers.calls"
_BODIES = "chalicelib.edge.customers.bodies"

CUSTOMERS = (
    Route(
        "put_customer",
        "PUT",
        "/v1/customers/{customer}",
        "Say who a customer is; what is left out is said to be nothing, what the customer did stays",
        Later(_CALLS, "put"),
        answer="Customer",
        scopes=CUSTOMERS_WRITE,
        body=Later(_BODIES, "CustomerBody"),
        mutates=True,
        versioned=True,
        if_match_optional=True,
        refusals=("customer_merged", "version_conflict"),
    ),
    Route(
        "get_customer",
        "GET",
        "/v1/customers/{customer}",
        "Who a customer is, and what they did, in numbers",
        Later(_CALLS, "customer"),
        answer="Customer",
        scopes=CUSTOMERS_READ,
        versioned=True,
    ),
    Route(
        "erase_customer",
        "DELETE",
        "/v1/customers/{customer}",
        "Erase a customer's personal data; the ledger stays, and the id in it is a pseudonym from now",
        Later(_CALLS, "erase"),
        answer="Customer",
        scopes=CUSTOMERS_WRITE,
        mutates=True,
        refusals=("customer_merged",),
    ),
    Route(
        "merge_customer",
        "POST",
        "/v1/customers/{customer}/merge",
        "Make two customers one person: all credit goes to the other, with kind and expiry, by linked entries",
        Later(_CALLS, "merge"),
        answer="Merged",
        scopes=CUSTOMERS_WRITE,
        body=Later(_BODIES, "MergeBody"),
        mutates=True,
        refusals=(
            "customer_merged",
            "merge_too_large",
            "hold_open",
            "wallet_frozen",
            "lot_limit_exceeded",
            "balance_limit_exceeded",
        ),
    ),
)
