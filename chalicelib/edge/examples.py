"""Examples for the API's description: a short story that the ledger itself tells, so that no example is ever wrong."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC
from typing import Any, TypeVar

from chalicelib.edge.campaigns import examples as campaign_examples
from chalicelib.edge.customers import examples as customer_examples
from chalicelib.edge.fields import Body
from chalicelib.edge.imports import examples as import_examples
from chalicelib.edge.instants import parse
from chalicelib.edge.notices import examples as notice_examples
from chalicelib.edge.orders import examples as order_examples
from chalicelib.edge.performance import examples as performance_examples
from chalicelib.edge.rules import examples as rule_examples
from chalicelib.edge.segments import examples as segment_examples
from chalicelib.edge.service import settings_calls
from chalicelib.edge.service.settings_bodies import SettingsBody
from chalicelib.edge.version import VERSION
from chalicelib.edge.wallets import presenter
from chalicelib.edge.wallets.bodies import (
    CaptureBody,
    HoldBody,
    QuoteBody,
    RedemptionBody,
    ReversalBody,
)
from chalicelib.edge.wallets.support_bodies import CreditBody, DebitBody, ExtensionBody, RevocationBody
from chalicelib.ledger import correcting, granting, holding, quoting, redeeming
from chalicelib.ledger.limits import MINUTE_MS
from chalicelib.ledger.model import Entry, HoldStatus, Redemption, Wallet, balance
from chalicelib.ledger.money import EXPONENT
from chalicelib.ledger.plans import Act, Plan
from chalicelib.ledger.policy import Policy
from chalicelib.settings.document import completed
from chalicelib.settings.queries import SettingsView
from chalicelib.wallets.queries import Explanation, WalletView

B = TypeVar("B", bound=Body)

_AREAS = (
    campaign_examples,
    customer_examples,
    import_examples,
    notice_examples,
    performance_examples,
    rule_examples,
    segment_examples,
)
CUSTOMER, CURRENCY = "alice", "EUR"
_START = parse("2026-03-02T09:00:00Z")
_ORDER = {
    "id": "order-1001",
    "total": 3000,
    "lines": [{"product": "tea", "category": "drinks/tea", "quantity": 2, "unit_price": 1500}],
}

REQUESTS: dict[str, dict[str, Any]] = {
    "issue_credit": {
        "amount": 2500,
        "kind": "promotion",
        "reason": "spring",
        "customer_text": "For spring.",
        "source": {"type": "campaign", "id": "spring-2026"},
        "expires": {"months": 3},
        "conditions": {"min_order": 2000, "include": {"categories": ["drinks"]}},
    },
    "debit": {"amount": 200, "reason": "correction", "note": "Booked twice, see ticket 4711."},
    "redeem": {"amount": 1200, "order": _ORDER},
    "reverse_redemption": {"amount": 500, "reason": "partial_refund"},
    "hold": {"amount": 600, "order": _ORDER | {"id": "order-1002"}, "ttl_seconds": 900},
    "capture_hold": {"amount": 400},
    "release_hold": {},
    "revoke_lot": {"reason": "fraud", "amount": 100},
    "extend_lot": {"expires": {"at": "2026-12-31T23:00:00Z"}, "reason": "goodwill"},
    "freeze": {"reason": "suspected_fraud"},
    "unfreeze": {"reason": "cleared"},
    "quote": {"customer": CUSTOMER, "currency": CURRENCY, "order": {"total": 3000, "lines": _ORDER["lines"]}},
    "set_test_clock": {"now": "2026-03-02T09:00:00Z"},
    "waive_debt": {"amount": 150, "reason": "goodwill"},
    "quote_refund": {"order_id": "order-1001", "amount": 1500},
    "retry_event": {},
    "put_settings": {
        "refund_bonus_basis_points": 500,
        "reinstatement": {"mode": "grace", "lifted_to_days": 14, "reinstated_days": 60},
        "points": [{"code": "PTS", "exponent": 0}],
        "expiry_of_kind": {"loyalty": {"months": 12}},
    },
    **{name: request for area in _AREAS for name, request in area.REQUESTS.items()},
}


@dataclass
class _Story:
    """A wallet, and what was answered while it lived."""

    policy: Policy
    wallet: Wallet
    at: int = _START
    entries: tuple[Entry, ...] = ()

    def act(self) -> Act:
        self.at += MINUTE_MS
        return Act(f"example{len(self.entries) + 1}", "shop", self.at)

    def goes_on(self, plan: Plan) -> Plan:
        self.wallet = plan.wallet
        self.entries += plan.entries
        return plan


def answers() -> dict[str, Any]:
    """For each route by its name an answer that could be one, or was."""
    story = _Story(Policy("1", UTC), Wallet(CUSTOMER, CURRENCY))
    told = {
        "get_health": presenter.document({"status": "ok", "version": VERSION}),
        "set_test_clock": presenter.document({"now": "2026-03-02T09:00:00Z"}),
        "reset_test_clock": presenter.document({"now": None}),
        **_settings(),
        **{name: presenter.document(answer) for area in _AREAS for name, answer in area.ANSWERS.items()},
        **order_examples.answers(story.policy, CUSTOMER, CURRENCY),
        **_spending(story),
        **_support(story),
    }
    worth, ends = balance(story.wallet, story.at), quoting.expiring(story.wallet, story.at)
    seen = WalletView(story.wallet, story.at, worth, ends, EXPONENT[CURRENCY])
    told |= {
        "list_wallets": presenter.wallets([seen]),
        "get_wallet": presenter.wallet(seen),
        "list_entries": presenter.entries(story.entries[:-3:-1], None, shopper=False),
        "explain_wallet": presenter.explanation(Explanation((), len(story.entries), seen)),
    }
    return {name: json.loads(body) for name, body in told.items()}


def _settings() -> dict[str, str]:
    document = _body(SettingsBody, "put_settings").document()
    return {
        "get_settings": settings_calls.shown(SettingsView(0, completed({}))),
        "put_settings": settings_calls.shown(SettingsView(1, completed(document), _START, "owner")),
    }


def _spending(story: _Story) -> dict[str, str]:
    policy = story.policy
    grant = _body(CreditBody, "issue_credit").grant()
    issued = story.goes_on(granting.issue(story.wallet, grant, story.act(), policy))
    quoted = quoting.quote(story.wallet, _body(QuoteBody, "quote").order.cart(), story.at, policy)
    redeemed = story.goes_on(
        redeeming.redeem(story.wallet, _body(RedemptionBody, "redeem").spending(), story.act(), policy)
    )
    redemption = _made(redeemed)
    reversal = _body(ReversalBody, "reverse_redemption").reversal(redemption.id)
    reversed_ = story.goes_on(redeeming.reverse(story.wallet, redemption, reversal, story.act(), policy))
    body = _body(HoldBody, "hold")
    held = story.goes_on(holding.hold(story.wallet, body.spending(), story.act(), policy, body.ttl))
    hold = held.hold.id if held.hold else ""
    released = holding.release(story.wallet, HoldStatus.OPEN, hold, story.act(), policy)
    capture = _body(CaptureBody, "capture_hold").capture(hold)
    captured = story.goes_on(holding.capture(story.wallet, HoldStatus.OPEN, capture, story.act(), policy))
    return {
        "issue_credit": presenter.lot_changed(issued),
        "quote": presenter.quote(quoted, CURRENCY, EXPONENT[CURRENCY]),
        "redeem": presenter.redeemed(redeemed),
        "get_redemption": presenter.redemption(redemption),
        "reverse_redemption": presenter.given_back(reversed_),
        "hold": presenter.held(held),
        "release_hold": presenter.held(released),
        "capture_hold": presenter.captured(captured),
    }


def _support(story: _Story) -> dict[str, str]:
    policy, lot = story.policy, story.wallet.lots[0].id
    debit = _body(DebitBody, "debit").debit()
    debited = story.goes_on(correcting.debit(story.wallet, debit, story.act(), policy))
    extension = _body(ExtensionBody, "extend_lot").extension(lot)
    extended = story.goes_on(correcting.extend(story.wallet, extension, story.act(), policy))
    revocation = _body(RevocationBody, "revoke_lot").revocation(lot)
    revoked = story.goes_on(correcting.revoke(story.wallet, revocation, story.act(), policy))
    frozen = story.goes_on(correcting.freeze(story.wallet, "suspected_fraud", story.act(), policy))
    unfrozen = story.goes_on(correcting.unfreeze(story.wallet, "cleared", story.act(), policy))
    return {
        "debit": presenter.taken_out(debited),
        "extend_lot": presenter.lot_changed(extended),
        "revoke_lot": presenter.lot_changed(revoked),
        "freeze": presenter.frozen_or_not(frozen),
        "unfreeze": presenter.frozen_or_not(unfrozen),
    }


def _body(model: type[B], name: str) -> B:
    return model.model_validate_json(json.dumps(REQUESTS[name]))


def _made(plan: Plan) -> Redemption:
    assert plan.redemption is not None, "a redemption makes one"
    return plan.redemption
