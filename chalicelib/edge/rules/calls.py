"""Handlers of the calls about rules."""

from __future__ import annotations

import json
from typing import Any

from chalicelib.edge import cursors
from chalicelib.edge.call import Call, Reply
from chalicelib.edge.instants import show
from chalicelib.edge.rules.bodies import RuleBody
from chalicelib.edge.wallets import presenter
from chalicelib.rules import commands
from chalicelib.rules import store as rules
from chalicelib.rules.commands import Ask
from chalicelib.rules.model import Rule
from chalicelib.store.envelope import Answer

_LIST = "rules"
_PREFIX = "rul_"


def create(call: Call) -> Reply:
    return _reply(commands.create(call.engine(), call.body_as(RuleBody).terms(), _ask(call)))


def every(call: Call) -> Reply:
    """A page of them, by their ids."""
    cursor = call.query.cursor
    after = None if cursor is None else _PREFIX + cursors.key(_LIST, cursor)
    found, last = rules.page(rules.documents(call.engine().store), call.query.limit, after)
    next_cursor = None if last is None else cursors.make_key(_LIST, last.removeprefix(_PREFIX))
    return Reply(presenter.document({"data": [told(rule) for rule in found], "next_cursor": next_cursor}))


def one(call: Call) -> Reply:
    rule = rules.load(rules.documents(call.engine().store), call.parameters["rule"])
    return Reply(shown(rule), version=rule.version)


def put(call: Call) -> Reply:
    terms = call.body_as(RuleBody).terms()
    return _reply(commands.put(call.engine(), call.parameters["rule"], terms, call.expected_version, _ask(call)))


def pause(call: Call) -> Reply:
    return _reply(commands.pause(call.engine(), call.parameters["rule"], _ask(call)))


def resume(call: Call) -> Reply:
    return _reply(commands.resume(call.engine(), call.parameters["rule"], _ask(call)))


def delete(call: Call) -> Reply:
    answer = commands.delete(call.engine(), call.parameters["rule"], _ask(call))
    return Reply(answer.body, answer.replayed)


def shown(rule: Rule) -> str:
    return presenter.document(told(rule))


def told(rule: Rule) -> dict[str, Any]:
    """A rule with all that can be said of one; `from` is the instant from which orders earn by it."""
    terms = rule.terms
    expires = rules.expiry_told(terms.expires)
    if expires is not None and "at" in expires:
        expires = {"at": show(expires["at"])}
    grant = {"fixed": terms.fixed, "basis_points": terms.basis_points, "max": terms.max_amount}
    return {
        "id": rule.id,
        "version": rule.version,
        "state": rule.state.value,
        "name": terms.name,
        "trigger": terms.trigger,
        "currency": terms.currency,
        "from": show(rule.starts_at),
        "to": None if terms.ends_at is None else show(terms.ends_at),
        "total_over": terms.total_over,
        "base": terms.base.value,
        "sites": list(terms.sites),
        "grant": {name: said for name, said in grant.items() if said is not None},
        "cap_per_customer": terms.cap_per_customer,
        "delay_days": terms.delay_days,
        "expires": expires,
        "notify": terms.notify,
        "created_at": show(rule.created_at),
        "updated_at": show(rule.updated_at),
        "updated_by": rule.updated_by,
    }


def _ask(call: Call) -> Ask:
    assert call.identity is not None, "nothing is changed without a token"
    return Ask(call.identity.sub, call.asked_document(), call.deadline, shown, dry_run=call.query.dry_run)


def _reply(answer: Answer) -> Reply:
    return Reply(answer.body, answer.replayed, json.loads(answer.body)["version"])
