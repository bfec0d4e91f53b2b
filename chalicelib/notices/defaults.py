"""The templates that are built in, one for each happening, in English and German."""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.notices.model import Happening
from chalicelib.notices.templates import Parts

_UNTIL = "{% if expires_at %}, valid until {{ expires_at }}{% endif %}"
_BIS = "{% if expires_at %}, gültig bis {{ expires_at }}{% endif %}"
_REST_EN = (
    "{% if customer_text %}\n\n{{ customer_text }}{% endif %}"
    "{% if conditions %}\n\nIt can be used {{ conditions }}.{% endif %}"
    "{% if products %}\n\nYou might like: {{ products|join(', ') }}.{% endif %}"
    "\n\n{{ how_to_redeem }}"
)
_REST_DE = (
    "{% if customer_text %}\n\n{{ customer_text }}{% endif %}"
    "{% if conditions %}\n\nEs gilt {{ conditions }}.{% endif %}"
    "{% if products %}\n\nDas könnte Ihnen gefallen: {{ products|join(', ') }}.{% endif %}"
    "\n\n{{ how_to_redeem }}"
)


def _said(subject: str, text: str) -> Parts:
    return {"subject": subject, "text": text, "sms": subject}


_TOLD: dict[Happening, Mapping[str, Parts]] = {
    Happening.ISSUED: {
        "en": _said("You have received {{ amount }} credit", f"You have received {{{{ amount }}}}{_UNTIL}.{_REST_EN}"),
        "de": _said(
            "Sie haben {{ amount }} Guthaben erhalten",
            f"Sie haben {{{{ amount }}}} Guthaben erhalten{_BIS}.{_REST_DE}",
        ),
    },
    Happening.AVAILABLE: {
        "en": _said("Your {{ amount }} credit is available", f"You can now use {{{{ amount }}}}{_UNTIL}.{_REST_EN}"),
        "de": _said(
            "Ihr Guthaben von {{ amount }} ist da",
            f"Sie können jetzt {{{{ amount }}}} Guthaben einlösen{_BIS}.{_REST_DE}",
        ),
    },
    Happening.REDEEMED: {
        "en": _said(
            "You have used {{ amount }} credit",
            "You have used {{ amount }} of your credit. {{ balance }} is left.",
        ),
        "de": _said(
            "Sie haben {{ amount }} Guthaben eingelöst",
            "Sie haben {{ amount }} Ihres Guthabens eingelöst. Es bleiben {{ balance }}.",
        ),
    },
    Happening.REFUNDED: {
        "en": _said(
            "{{ amount }} was refunded to your credit",
            f"{{{{ amount }}}} was refunded to your credit{_UNTIL}. You have {{{{ balance }}}} now.{_REST_EN}",
        ),
        "de": _said(
            "{{ amount }} wurden Ihrem Guthaben erstattet",
            f"{{{{ amount }}}} wurden Ihrem Guthaben erstattet{_BIS}. Sie haben jetzt {{{{ balance }}}}.{_REST_DE}",
        ),
    },
    Happening.EXPIRING: {
        "en": _said(
            "{{ amount }} of your credit is about to expire",
            f"{{{{ amount }}}} of your credit can be used until {{{{ expires_at }}}}.{_REST_EN}",
        ),
        "de": _said(
            "{{ amount }} Ihres Guthabens verfallen bald",
            f"{{{{ amount }}}} Ihres Guthabens gelten noch bis {{{{ expires_at }}}}.{_REST_DE}",
        ),
    },
    Happening.EXPIRED: {
        "en": _said(
            "{{ amount }} of your credit has expired",
            "{{ amount }} of your credit has expired. {{ balance }} is left.",
        ),
        "de": _said(
            "{{ amount }} Ihres Guthabens sind verfallen",
            "{{ amount }} Ihres Guthabens sind verfallen. Es bleiben {{ balance }}.",
        ),
    },
    Happening.TAKEN_BACK: {
        "en": _said(
            "{{ amount }} of your credit was taken back",
            "{{ amount }} of credit that an order had earned was taken back, as the order was returned. "
            "{{ balance }} is left.",
        ),
        "de": _said(
            "{{ amount }} Ihres Guthabens wurden zurückgenommen",
            "{{ amount }} Guthaben aus einer zurückgegebenen Bestellung wurden zurückgenommen. "
            "Es bleiben {{ balance }}.",
        ),
    },
}


def name_of(happening: Happening) -> str:
    """Name of the template that tells it unless a campaign names another."""
    return f"credit-{happening.value.replace('_', '-')}"


BUILT_IN: dict[str, Mapping[str, Parts]] = {name_of(happening): locales for happening, locales in _TOLD.items()}
"""By name; what stands under the same name in the table takes its place."""
