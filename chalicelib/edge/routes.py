"""Every call of the API, one line of the table each: who may, what it takes, what it answers, how it is refused.

What any call with a token may be answered besides (401, 403, 429, 503, a body that cannot be read) is said once, in
`openapi`.
"""

from __future__ import annotations

from chalicelib.edge.call import Route
from chalicelib.edge.campaign_routes import CAMPAIGNS
from chalicelib.edge.customer_routes import CUSTOMERS
from chalicelib.edge.import_routes import IMPORTS
from chalicelib.edge.notice_routes import NOTICES
from chalicelib.edge.order_routes import EVENTS, ORDERS
from chalicelib.edge.performance_routes import PERFORMANCE
from chalicelib.edge.rule_routes import RULES
from chalicelib.edge.segment_routes import SEGMENTS
from chalicelib.edge.service_routes import MERCHANT, SERVICE
from chalicelib.edge.support_routes import SUPPORT
from chalicelib.edge.wallet_routes import COMMANDS, QUESTIONS

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
