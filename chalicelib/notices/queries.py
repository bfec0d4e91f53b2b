"""What can be asked about notices, templates and webhooks."""

from __future__ import annotations

from chalicelib.ledger.refusals import NotFound
from chalicelib.notices import saying, templates
from chalicelib.notices import store as shelf
from chalicelib.notices.defaults import BUILT_IN
from chalicelib.notices.store import TEMPLATES, Record, Template, Webhook
from chalicelib.notices.templates import Content, Values
from chalicelib.store.documents import Documents
from chalicelib.store.reading import Store


def template(docs: Documents, name: str) -> Template:
    """The template in force under a name.

    :raises NotFound: there is none
    :raises Unread: DynamoDB could not be read
    """
    stored = docs.get((TEMPLATES, name))
    if stored is not None:
        return shelf.template_of(stored)
    if name in BUILT_IN:
        return _built_in(name)
    raise NotFound("There is no such template.", template=name)


def all_templates(store: Store) -> list[Template]:
    """Every template in force, by name: the merchant's own, and those built in that have no other in their place."""
    own = {each.name: each for each in shelf.own_templates(shelf.documents(store))}
    built_in = {name: _built_in(name) for name in BUILT_IN}
    return [each for _, each in sorted((built_in | own).items())]


def _built_in(name: str) -> Template:
    return Template(name, BUILT_IN[name])


def preview(store: Store, name: str, locale: str | None, values: Values) -> tuple[str, Content]:
    """What a template says, with sample values where none are given; and in which locale.

    :raises NotFound: there is no such template
    :raises TemplateRefused: with these values it says too much
    """
    found = template(shelf.documents(store), name)
    chosen = templates.chosen(found.locales, locale)
    return chosen, templates.render(found.locales[chosen], {**saying.sample(chosen), **values})


def webhooks(store: Store) -> list[Webhook]:
    return shelf.webhooks(shelf.documents(store))


def notices(store: Store, customer: str, before: str | None, limit: int) -> tuple[list[Record], str | None]:
    """A page of what a customer was told, or not, newest first; and the next page's `before`, if there is more."""
    found, after = shelf.documents(store).page(shelf.notices_of(customer), limit, after=before, newest_first=True)
    return [shelf.record_of(document) for document in found], after
