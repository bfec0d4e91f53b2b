"""Every call of the API, one line of the table each: who may, what it takes, what it answers, how it is refused.

What any call with a token may be answered besides (401, 403, 429, 503, a body that cannot be read) is said once, in
`openapi`.
"""

from __future__ import annotations

from chalicelib.edge.call import Route
from chalicelib.edge.order_routes import EVENTS, ORDERS
from chalicelib.edge.service_routes import MERCHANT, SERVICE
from chalicelib.edge.wallet_routes import COMMANDS, QUESTIONS

ROUTES: tuple[Route, ...] = (*SERVICE, *MERCHANT, *QUESTIONS, *COMMANDS, *ORDERS, *EVENTS)
