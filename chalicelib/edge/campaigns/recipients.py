"""Handlers of the calls about the release of a campaign: how far it is, and what became of each customer."""

from __future__ import annotations

from chalicelib.campaigns import queries
from chalicelib.campaigns.release import results
from chalicelib.campaigns.release.results import Progress, Recipient
from chalicelib.edge import cursors
from chalicelib.edge.call import Call, Reply
from chalicelib.edge.cursors import InvalidCursor
from chalicelib.edge.instants import show
from chalicelib.edge.wallets import presenter


def progress(call: Call) -> Reply:
    store = call.engine().store
    campaign = queries.one(queries.documents(store), call.parameters["campaign"])
    return Reply(presenter.document(_progress(results.progress(store, campaign, _asked(call)))))


def recipients(call: Call) -> Reply:
    """A page of them, in the order of the plan."""
    store, campaign_id, status = call.engine().store, call.parameters["campaign"], call.query.filter("status")
    campaign, cursor, asked = queries.one(queries.documents(store), campaign_id), call.query.cursor, _asked(call)
    run = results.run_of(campaign, asked)
    of = f"campaigns/{campaign_id}/{run}/recipients/{status}"
    after = None if cursor is None else cursors.key(of, cursor).replace("-", "/")
    try:
        found, following = results.recipients(store, campaign, after, call.query.limit, status, asked=asked)
    except ValueError:
        raise InvalidCursor from None
    next_cursor = None if following is None else cursors.make_key(of, following.replace("/", "-"))
    told = {"run": run, "data": [_recipient(each) for each in found], "next_cursor": next_cursor}
    return Reply(presenter.document(told))


def _asked(call: Call) -> int | None:
    """The run that the query names."""
    told = call.query.filter("run")
    return None if told is None else int(told)


def _progress(told: Progress) -> presenter.Json:
    return {
        "state": told.state.value,
        "run": told.run,
        "audience": told.audience,
        "planned": told.planned,
        "liability": told.liability,
        "granted": told.granted,
        "granted_amount": told.granted_amount,
        "skipped": told.skipped,
        "failed": told.failed,
        "holdout": told.holdout,
        "revoked": told.revoked,
        "revoked_amount": told.revoked_amount,
        "started_at": None if told.started_at is None else show(told.started_at),
        "finished_at": None if told.finished_at is None else show(told.finished_at),
        "rate": told.rate,
    }


def _recipient(told: Recipient) -> presenter.Json:
    return {
        "customer": told.customer,
        "status": told.status,
        "group": told.group,
        "amount": told.amount,
        "reason": told.reason,
    }
