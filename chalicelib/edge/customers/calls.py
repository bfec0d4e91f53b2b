"""Handlers of the calls about customers."""

from __future__ import annotations

from chalicelib.customers import commands, queries
from chalicelib.edge.call import Call, Reply, reply
from chalicelib.edge.customers import presenter as customer_presenter
from chalicelib.edge.customers.bodies import CustomerBody, MergeBody
from chalicelib.notices import erasing
from chalicelib.notices import store as notices
from chalicelib.store.envelope import Answer


def put(call: Call) -> Reply:
    answer = commands.put(
        call.engine(),
        call.parameters["customer"],
        call.body_as(CustomerBody).telling(),
        call.expected_version if call.if_match else None,
        call.deadline,
        customer_presenter.customer,
        dry_run=call.query.dry_run,
    )
    return _versioned(answer)


def customer(call: Call) -> Reply:
    found = queries.profile(call.engine().store, call.parameters["customer"])
    return Reply(customer_presenter.customer(found), version=found.version)


def erase(call: Call) -> Reply:
    """The person first, so that nothing more is said to it; then what was said. Done again it finishes what is left."""
    engine, named, show = call.engine(), call.parameters["customer"], customer_presenter.customer
    answer = commands.erase(engine, named, call.deadline, show, dry_run=call.query.dry_run)
    if not call.query.dry_run:
        erasing.erase_all(engine.store, notices.documents(engine.store), named)
    return reply(answer)


def merge(call: Call) -> Reply:
    assert call.identity is not None, "nothing is changed without a token"
    answer = commands.merge_into(
        call.engine(),
        call.parameters["customer"],
        call.body_as(MergeBody).into,
        call.identity.sub,
        call.asked_document(),
        call.deadline,
        customer_presenter.merged,
        dry_run=call.query.dry_run,
    )
    return reply(answer)


def _versioned(answer: Answer) -> Reply:
    return reply(answer)._replace(version=commands.version_in(answer))
