"""What a campaign needs of the other rooms: segment templates, notice templates, the performance of campaigns like it,
and the queue of the release."""

from __future__ import annotations

import logging
from dataclasses import replace

from chalicelib import wiring
from chalicelib.campaigns import queries
from chalicelib.campaigns.codec import amount_rule, expiry_of
from chalicelib.campaigns.model import Campaign, Goal, Group
from chalicelib.campaigns.refusals import WrongCampaign
from chalicelib.campaigns.release import messages
from chalicelib.campaigns.release.messages import Job
from chalicelib.edge.campaigns.bodies import CampaignTemplateBody
from chalicelib.ledger import conditions
from chalicelib.ledger.conditions import BASIS_POINTS
from chalicelib.ledger.refusals import NotFound
from chalicelib.messaging.queues import TROUBLE
from chalicelib.performance import attribution
from chalicelib.performance.queries import Measured, performance
from chalicelib.segments.blueprint import Recommended
from chalicelib.segments.templates import instantiate, templates
from chalicelib.store.reading import Store

MIN_RECIPIENTS_OF_HISTORY = 30
"""Grants of campaigns that are alike, below which they say nothing about the next one."""

_log = logging.getLogger(__name__)


def from_template(body: CampaignTemplateBody) -> Campaign:
    """A campaign for those whom a template describes; what the body leaves out is as the template recommends.

    :raises NotFound: there is no such template
    :raises WrongParameter: with a pointer to it
    """
    where = instantiate(body.template, body.parameters)
    template = next(each for each in templates() if each.id == body.template)
    recommended = template.recommended
    amount = body.amount.rule() if body.amount else amount_rule(recommended.amount)
    expires = body.expires.expiry() if body.expires else expiry_of(recommended.expires)
    wanted = body.wanted((Group(amount, where=where, expires=expires),))
    return replace(
        wanted,
        name=wanted.name or template.name,
        goal=wanted.goal if body.goal else Goal(template.goal),
        conditions=wanted.conditions if body.conditions else _conditions(recommended),
        template=template.id,
    )


def known_template(store: Store, wanted: Campaign) -> Campaign:
    """The campaign, if the template of its notices is there.

    :raises WrongCampaign: it is not
    """
    name = wanted.notify.template if wanted.notify else None
    if name is not None:
        from chalicelib.notices import queries as notices  # it loads Jinja2, which few campaigns need

        try:
            notices.template(queries.documents(store), name)
        except NotFound as refused:
            raise WrongCampaign(refused.detail, field="/notify/template", template=name) from None
    return wanted


def expected_redemption(store: Store, campaign: Campaign) -> int | None:
    """Basis points of what campaigns with the same goal and currency issued that was redeemed, of those whose credit
    has had time; None where that was too little to tell."""
    from chalicelib.campaigns.forecast import has_had_time

    alike = queries.alike(queries.documents(store), campaign)
    found = performance(store, [Measured(each.id, each.currency, begun=True) for each in alike])
    now = store.now()
    measured = [
        figures for each, figures in zip(alike, found, strict=True) if has_had_time(each, figures.outstanding, now)
    ]
    grants = sum(each.money.get(attribution.ISSUES, 0) for each in measured)
    issued = sum(each.money.get(attribution.ISSUED, 0) for each in measured)
    given_back = sum(each.money.get(attribution.GIVEN_BACK, 0) for each in measured)
    redeemed = sum(each.money.get(attribution.REDEEMED, 0) for each in measured) - given_back
    if grants < MIN_RECIPIENTS_OF_HISTORY or issued <= 0:
        return None
    return max(0, redeemed) * BASIS_POINTS // issued


def look_soon(campaign_id: str) -> None:
    """Let the release look at a campaign at once. Where that cannot be said, the minute job looks all the same."""
    try:
        wiring.release_queue().send([messages.written(Job(messages.START, campaign_id))])
    except TROUBLE as error:
        _log.warning("campaign %s is looked at by the minute job: %s", campaign_id, error)


def _conditions(recommended: Recommended) -> conditions.Conditions | None:
    return conditions.from_dict(recommended.conditions) if recommended.conditions else None
