"""Rules as documents: pk "#rules", sk their id. What a rule does not say is left out."""

from __future__ import annotations

from typing import Any

from chalicelib.ledger.policy import At, Days, Expiry, Months, Never
from chalicelib.ledger.refusals import NotFound
from chalicelib.rules.model import MAX_RULES, Base, Rule, State, Terms
from chalicelib.store.documents import Document, Documents
from chalicelib.store.reading import Store
from chalicelib.store.writes import Write

Json = dict[str, Any]

RULES = "#rules"
_PLAIN = (
    "name",
    "currency",
    "fixed",
    "basis_points",
    "max_amount",
    "total_over",
    "starts_at",
    "ends_at",
    "cap_per_customer",
    "delay_days",
    "notify",
    "trigger",
)
"""Members of the terms that are JSON as they are."""


def documents(store: Store) -> Documents:
    return Documents(store, store.tables.campaigns_name)


def load(docs: Documents, rule_id: str) -> Rule:
    """:raises NotFound: there is no such rule
    :raises Unread: DynamoDB could not be read
    """
    found = docs.get((RULES, rule_id))
    if found is None:
        raise NotFound("There is no such rule.", rule=rule_id)
    return rule_of(found)


def every(docs: Documents) -> list[Rule]:
    """All rules, those that were made first in front.

    :raises Unread: DynamoDB could not be read
    """
    return sorted(map(rule_of, docs.all(RULES, limit=MAX_RULES)), key=lambda rule: (rule.created_at, rule.id))


def page(docs: Documents, limit: int, after: str | None) -> tuple[list[Rule], str | None]:
    """Rules by their ids, and the id behind which the next page begins.

    :raises Unread: DynamoDB could not be read
    """
    found, last = docs.page(RULES, limit, after=after)
    return [rule_of(each) for each in found], last


def saved(docs: Documents, rule: Rule) -> Write:
    """Keep a rule in the place of the version that it was made from."""
    told = {
        "terms": _terms_told(rule.terms),
        "state": rule.state.value,
        "created_at": rule.created_at,
        "updated_at": rule.updated_at,
        "updated_by": rule.updated_by,
    }
    return docs.save((RULES, rule.id), told, rule.version)


def dropped(docs: Documents, rule: Rule) -> Write:
    return docs.drop((RULES, rule.id), rule.version)


def rule_of(document: Document) -> Rule:
    body = document.body
    return Rule(
        id=document.key[1],
        terms=_terms(body["terms"]),
        state=State(body["state"]),
        created_at=body["created_at"],
        updated_at=body["updated_at"],
        updated_by=body["updated_by"],
        version=document.version,
    )


def expiry_told(expiry: Expiry | None) -> Json | None:
    """An expiry as JSON; instants stay milliseconds."""
    match expiry:
        case None:
            return None
        case At(instant):
            return {"at": instant}
        case Days(days):
            return {"days": days}
        case Months(months):
            return {"months": months}
        case Never():
            return {"never": True}
    raise AssertionError("no rule says the end of a month, quarter or year")


def _expiry(told: Json) -> Expiry:
    match told:
        case {"at": instant}:
            return At(instant)
        case {"days": days}:
            return Days(days)
        case {"months": months}:
            return Months(months)
    return Never()


def _terms_told(terms: Terms) -> Json:
    told = {name: getattr(terms, name) for name in _PLAIN}
    told |= {"base": terms.base.value, "sites": list(terms.sites) or None, "expires": expiry_told(terms.expires)}
    return {name: value for name, value in told.items() if value is not None}


def _terms(told: Json) -> Terms:
    plain = {name: told[name] for name in _PLAIN if name in told}
    return Terms(
        **plain,
        base=Base(told["base"]),
        sites=tuple(told.get("sites", ())),
        expires=_expiry(told["expires"]) if "expires" in told else None,
    )
