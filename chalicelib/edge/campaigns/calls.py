"""Handlers of the calls about campaigns: the documents and what may become of them."""

from __future__ import annotations

from functools import partial

from chalicelib.campaigns import commands, queries
from chalicelib.campaigns import forecast as forecasting
from chalicelib.campaigns.commands import Ask
from chalicelib.campaigns.model import Campaign
from chalicelib.edge import cursors
from chalicelib.edge.call import Call, Reply
from chalicelib.edge.campaigns import presenter
from chalicelib.edge.campaigns.bodies import CampaignBody, CampaignTemplateBody
from chalicelib.edge.campaigns.surroundings import expected_redemption, from_template, known_template, look_soon
from chalicelib.store.envelope import Answer

_LIST = "campaigns"


def create(call: Call) -> Reply:
    body = call.body_as(CampaignBody)
    also = partial(known_template, call.engine().store)
    return _reply(commands.create(call.engine(), body.campaign(), _ask(call), short=body.short, also=also))


def create_from_template(call: Call) -> Reply:
    wanted = from_template(call.body_as(CampaignTemplateBody))
    also = partial(known_template, call.engine().store)
    return _reply(commands.create(call.engine(), wanted, _ask(call), short=True, also=also))


def every(call: Call) -> Reply:
    """A page of them, newest first."""
    cursor, state = call.query.cursor, call.query.filter("state")
    of = f"{_LIST}/{state}"
    before = None if cursor is None else cursors.key(of, cursor)
    found = queries.newest(queries.documents(call.engine().store), before, call.query.limit, state)
    next_cursor = None if found.older is None else cursors.make_key(of, found.older)
    return Reply(presenter.page(found, next_cursor))


def one(call: Call) -> Reply:
    found = _found(call)
    return Reply(presenter.campaign(found), version=found.version)


def put(call: Call) -> Reply:
    body, campaign = call.body_as(CampaignBody), call.parameters["campaign"]
    wanted = known_template(call.engine().store, body.campaign())
    answer = commands.put(call.engine(), campaign, wanted, call.expected_version, _ask(call), short=body.short)
    return _reply(answer)


def forecast(call: Call) -> Reply:
    found = forecasting.forecast(call.engine(), call.parameters["campaign"], call.deadline)
    return Reply(presenter.forecast(found, expected_redemption(call.engine().store, _found(call))))


def schedule(call: Call) -> Reply:
    return _moved(call, commands.schedule(call.engine(), call.parameters["campaign"], _ask(call)))


def release_now(call: Call) -> Reply:
    return _moved(call, commands.release_now(call.engine(), call.parameters["campaign"], _ask(call)))


def pause(call: Call) -> Reply:
    return _reply(commands.pause(call.engine(), call.parameters["campaign"], _ask(call)))


def resume(call: Call) -> Reply:
    return _moved(call, commands.resume(call.engine(), call.parameters["campaign"], _ask(call)))


def cancel(call: Call) -> Reply:
    return _moved(call, commands.cancel(call.engine(), call.parameters["campaign"], _ask(call)))


def copy(call: Call) -> Reply:
    return _reply(commands.copy(call.engine(), call.parameters["campaign"], _ask(call)))


def _found(call: Call) -> Campaign:
    return queries.one(queries.documents(call.engine().store), call.parameters["campaign"])


def _ask(call: Call) -> Ask:
    assert call.identity is not None, "nothing is changed without a token"
    return Ask(call.identity.sub, call.asked_document(), call.deadline, presenter.campaign, dry_run=call.query.dry_run)


def _moved(call: Call, answer: Answer) -> Reply:
    """What is to be done next need not wait for the minute job."""
    if not answer.replayed and not call.query.dry_run:
        look_soon(call.parameters["campaign"])
    return _reply(answer)


def _reply(answer: Answer) -> Reply:
    return Reply(answer.body, answer.replayed, presenter.version_of(answer.body))
