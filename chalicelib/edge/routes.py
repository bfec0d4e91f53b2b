"""Every call of the API, one line of the table each: who may, what it takes, what it answers, how it is refused.

What any call with a token may be answered besides (401, 403, 429, 503, a body that cannot be read) is said once, in
`openapi`.
"""

from __future__ import annotations

from chalicelib.edge.call import Route
from chalicelib.edge.campaigns.routes import CAMPAIGNS
from chalicelib.edge.customers.routes import CUSTOMERS
from chalicelib.edge.imports.routes import IMPORTS
from chalicelib.edge.notices.routes import NOTICES
from chalicelib.edge.orders.routes import EVENTS, ORDERS
from chalicelib.edge.performance.routes import PERFORMANCE
from chalicelib.edge.rules.routes import RULES
from chalicelib.edge.segments.routes import SEGMENTS
from chalicelib.edge.service.routes import MERCHANT, SERVICE
from chalicelib.edge.wallets.routes import COMMANDS, QUESTIONS
from chalicelib.edge.wallets.support_routes import SUPPORT

ROUTES: tuple[Route, ...] = (
    *SERVICE,
    *MERCHANT,
    *QUESTIONS,
    *COMMANDS,
    *SUPPORT,
    *ORDERS,
    *EVENTS,
    *CUSTOMERS,
    *IMPORTS,
    *SEGMENTS,
    *CAMPAIGNS,
    *PERFORMANCE,
    *RULES,
    *NOTICES,
)
