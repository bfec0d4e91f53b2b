"""What can be done to templates and webhooks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from chalicelib.ledger.refusals import NotFound, Refused, VersionConflict
from chalicelib.messaging import addresses
from chalicelib.messaging.addresses import AddressRefused, Resolve
from chalicelib.messaging.webhooks import new_secret
from chalicelib.notices import store as shelf
from chalicelib.notices import templates
from chalicelib.notices.store import MAX_TEMPLATES, MAX_WEBHOOKS, TEMPLATES, WEBHOOKS, Secret, Template, Webhook
from chalicelib.runtime.clock import Deadline
from chalicelib.store.envelope import Answer
from chalicelib.store.once import Deed, once
from chalicelib.store.reading import Store
from chalicelib.store.writes import Asked


class TooMany(Refused):
    """There are as many as there may be."""

    code = "notice_limit_exceeded"


class WrongAddress(Refused):
    """A webhook must not lead there."""

    code = "validation_failed"


def put_template(
    store: Store,
    wanted: Template,
    expected: int | None,
    deadline: Deadline,
    present: Callable[[Template], str],
    *,
    dry_run: bool = False,
) -> Template:
    """Put a template in the place of the one of that name, built in or not. `expected` None: whatever its version.

    :raises TemplateRefused: it names what does not exist, or reaches for what it must not
    :raises VersionConflict: somebody else has put it since; nothing changed
    :raises TooMany: there is no place for one more
    """
    templates.check(wanted.locales)
    docs = shelf.documents(store)
    made = wanted

    def decide() -> Deed:
        nonlocal made
        stored = docs.get((TEMPLATES, wanted.name))
        version = stored.version if stored else 0
        if expected is not None and expected != version:
            raise VersionConflict(
                "The template has another version by now.", field="/header/If-Match", current_version=version
            )
        if stored is None and len(shelf.own_templates(docs)) >= MAX_TEMPLATES:
            raise TooMany("There are as many templates as there may be.", limit=MAX_TEMPLATES)
        made = replace(wanted, version=version + 1)
        return Deed([shelf.template_saved(docs, made, version)], present(made))

    once(store, None, deadline, decide, dry_run=dry_run)
    return made


def delete_template(store: Store, name: str, deadline: Deadline, *, dry_run: bool = False) -> None:
    """Take away the merchant's own template; a built-in one of that name is in force again.

    :raises NotFound: the merchant has none of that name
    """
    _delete(store, (TEMPLATES, name), deadline, dry_run=dry_run)


def create_webhook(
    store: Store,
    url: str,
    happenings: Sequence[str],
    asked: Asked | None,
    deadline: Deadline,
    present: Callable[[Webhook], str],
    *,
    resolve: Resolve | None = None,
) -> Answer:
    """A webhook with a secret of its own, which only this answer tells. Without `asked` nothing is changed.

    A name that cannot be resolved just now is taken: it is checked again whenever something is sent.

    :raises WrongAddress: it leads, or can only lead, into a private network
    :raises TooMany: there are as many as there may be
    """
    try:
        address = addresses.parse(url)
        with suppress(OSError):  # the check that counts is the one before each sending
            addresses.numbers(address, resolve)
    except AddressRefused as refused:
        raise WrongAddress(f"The address {refused}.", field="/url") from None
    docs = shelf.documents(store)
    name = f"whk_{asked.operation if asked else 'dry'}"

    def decide() -> Deed:
        if len(shelf.webhooks(docs)) >= MAX_WEBHOOKS:
            raise TooMany("There are as many webhooks as there may be.", limit=MAX_WEBHOOKS)
        made = Webhook(name, url, tuple(happenings), (Secret(new_secret()),), store.now())
        return Deed([shelf.webhook_saved(docs, made, 0)], present(made))

    return once(store, asked, deadline, decide, dry_run=asked is None)


def rotate_webhook(
    store: Store, webhook: str, asked: Asked | None, deadline: Deadline, present: Callable[[Webhook], str]
) -> Answer:
    """A new secret, which only this answer tells; the one before is valid for a day more.

    :raises NotFound: there is no such webhook
    """
    docs = shelf.documents(store)

    def decide() -> Deed:
        stored = docs.get((WEBHOOKS, webhook))
        if stored is None:
            raise NotFound("There is no such webhook.", webhook=webhook)
        made = shelf.webhook_of(stored).rotated(new_secret(), store.now())
        return Deed([shelf.webhook_saved(docs, made, stored.version)], present(made))

    return once(store, asked, deadline, decide, dry_run=asked is None)


def delete_webhook(store: Store, webhook: str, deadline: Deadline, *, dry_run: bool = False) -> None:
    """:raises NotFound: there is no such webhook"""
    _delete(store, (WEBHOOKS, webhook), deadline, dry_run=dry_run)


def _delete(store: Store, key: tuple[str, str], deadline: Deadline, *, dry_run: bool) -> None:
    docs = shelf.documents(store)

    def decide() -> Deed:
        stored = docs.get(key)
        if stored is None:
            raise NotFound("There is nothing of that name that could be deleted.", name=key[1])
        return Deed([docs.drop(key, stored.version)], "")

    once(store, None, deadline, decide, dry_run=dry_run)
