"""Bodies of calls about notices. What a template may say is checked where templates are; here its shape is."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from chalicelib.edge.fields import Body, Name, Text

LOCALE = r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$"
"""A language, as BCP 47 writes it, with a script, region or variant behind it."""
MAX_LOCALES = 20
MAX_PRODUCTS = 50
MAX_LISTED_PRODUCTS = 5
_SOURCE = r"^[^\x00-\x08\x0b-\x1f\x7f-\x9f]*$"

Locale = Annotated[str, StringConstraints(pattern=LOCALE)]
HappeningName = Literal["issued", "available", "redeemed", "refunded", "expiring", "expired", "taken_back"]
Recommended = Literal["last_seen", "bought_together"]
_Value = Annotated[str, Field(max_length=1_000, pattern=_SOURCE)]


class TemplateParts(Body):
    """What a notice says in one locale, in Jinja2 with the variables amount, balance, expires_at, conditions,
    how_to_redeem, products (a list) and customer_text."""

    subject: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]
    text: Annotated[str, Field(min_length=1, max_length=10_000, pattern=_SOURCE)]
    html: Annotated[str, Field(min_length=1, max_length=40_000, pattern=_SOURCE)] | None = None
    sms: Annotated[str, Field(min_length=1, max_length=640, pattern=_SOURCE)] | None = None


class TemplateBody(Body):
    """`products` are recommended in every notice that it makes; without them it is as `recommend` says: what is bought
    together most with what the customer saw or bought last, and not bought yet (unless it says otherwise), or that
    itself."""

    locales: Annotated[dict[Locale, TemplateParts], Field(min_length=1, max_length=MAX_LOCALES)]
    products: Annotated[tuple[Name, ...], Field(max_length=MAX_LISTED_PRODUCTS)] | None = None
    recommend: Recommended = "bought_together"

    def parts(self) -> dict[str, dict[str, str]]:
        """By locale; a part that is not said is left out."""
        return {locale: parts.model_dump(exclude_none=True) for locale, parts in self.locales.items()}


class TemplateVariables(Body):
    """Values instead of the sample's."""

    amount: _Value | None = None
    balance: _Value | None = None
    expires_at: _Value | None = None
    conditions: _Value | None = None
    how_to_redeem: _Value | None = None
    products: Annotated[tuple[_Value, ...], Field(max_length=MAX_PRODUCTS)] | None = None
    customer_text: Text | None = None


class PreviewBody(Body):
    locale: Locale | None = None
    variables: TemplateVariables | None = None

    def values(self) -> dict[str, Any]:
        return self.variables.model_dump(exclude_none=True) if self.variables else {}


class WebhookBody(Body):
    """Where to send, and what of; everything, unless `happenings` says."""

    url: Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[\x21-\x7e]+$")]
    happenings: Annotated[tuple[HappeningName, ...], Field(max_length=7)] | None = None


class RotateBody(Body):
    """Nothing is asked for but a new secret."""
