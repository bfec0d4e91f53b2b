"""Amounts, days and conditions as people read them. English and German are spelled out; whoever reads another language
gets the signs that all understand: `12.50 EUR`, `2027-03-31`. There is no float anywhere.
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

from chalicelib.ledger.conditions import WEEKDAYS, Conditions, Selection, local_time
from chalicelib.ledger.money import display

DEFAULT_LANGUAGE = "en"
_SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥"}
_MONTHS = {
    "en": "January February March April May June July August September October November December".split(),
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember".split(),
}
_DAYS = {
    "en": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split(),
    "de": "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag".split(),
}
HOW_TO_REDEEM = {
    "en": "Sign in and choose your credit at the checkout.",
    "de": "Melden Sie sich an und wählen Sie Ihr Guthaben an der Kasse.",
}
_PHRASES = {
    "en": {
        "min_order": "for orders of {} or more",
        "min_order_multiple": "one unit for each full {} of the order",
        "max_share_of_order": "for up to {} of an order",
        "max_per_order": "up to {} for each order",
        "include": "only for {}",
        "exclude": "not for {}",
        "weekdays": "only on {}",
        "hours": "only from {} to {}",
        "first_order_only": "only for the first order paid with credit",
        "not_with_discounts": "not together with discounts",
    },
    "de": {
        "min_order": "für Bestellungen ab {}",
        "min_order_multiple": "einmal je volle {} der Bestellung",
        "max_share_of_order": "für höchstens {} einer Bestellung",
        "max_per_order": "höchstens {} je Bestellung",
        "include": "nur für {}",
        "exclude": "nicht für {}",
        "weekdays": "nur {}",
        "hours": "nur von {} bis {}",
        "first_order_only": "nur für die erste Bestellung mit Guthaben",
        "not_with_discounts": "nicht zusammen mit Rabatten",
    },
}
MAX_NAMES = 5
"""Of things that a condition names; the others are not listed."""


def language_of(locale: str) -> str:
    return locale.replace("_", "-").partition("-")[0].lower()


def amount(minor_units: int, currency: str, exponent: int, locale: str) -> str:
    """`€1,250.50` in English, `1.250,50 €` in German, `1250.50 EUR` elsewhere."""
    language = language_of(locale)
    if language not in _MONTHS:
        return display(minor_units, currency, exponent)
    thousands, point = (",", ".") if language == "en" else (".", ",")
    whole, rest = divmod(abs(minor_units), 10**exponent)
    number = f"{whole:,}".replace(",", thousands) + (f"{point}{rest:0{exponent}}" if exponent else "")
    sign = "-" if minor_units < 0 else ""
    symbol = _SYMBOLS.get(currency)
    if symbol is not None and language == "en":
        return f"{sign}{symbol}{number}"
    return f"{sign}{number} {symbol or currency}"


def last_day(expires_at: int | None, zone: tzinfo, locale: str) -> str:
    """The last local day on which credit is alive that ends at an instant (milliseconds); empty if it never ends."""
    if expires_at is None:
        return ""
    day = local_time(expires_at - 1, zone).date()
    language = language_of(locale)
    if language not in _MONTHS:
        return day.isoformat()
    month = _MONTHS[language][day.month - 1]
    if locale.replace("_", "-").upper() == "EN-US":
        return f"{month} {day.day}, {day.year}"
    return f"{day.day}{'.' if language == 'de' else ''} {month} {day.year}"


def conditions(told: Conditions | None, currency: str, exponent: int, locale: str) -> str:
    """What credit may be spent on, in words; empty where there is no condition."""
    if told is None:
        return ""
    language = language_of(locale) if language_of(locale) in _PHRASES else DEFAULT_LANGUAGE
    phrases = _PHRASES[language]

    def shown(minor_units: int) -> str:
        return amount(minor_units, currency, exponent, locale)

    found = [
        phrases[name].format(shown(value))
        for name in ("min_order", "min_order_multiple", "max_per_order")
        if (value := getattr(told, name)) is not None
    ]
    if told.max_share_of_order is not None:
        found.append(phrases["max_share_of_order"].format(_percent(told.max_share_of_order, language)))
    for name, selection in (("include", told.include), ("exclude", told.exclude)):
        if names := _names(selection):
            found.append(phrases[name].format(names))
    if told.weekdays:
        days = ", ".join(_DAYS[language][WEEKDAYS.index(day)] for day in told.weekdays)
        found.append(phrases["weekdays"].format(days))
    if told.hours is not None:
        found.append(phrases["hours"].format(*(f"{minute // 60:02}:{minute % 60:02}" for minute in told.hours)))
    found += [phrases[name] for name in ("first_order_only", "not_with_discounts") if getattr(told, name)]
    return "; ".join(found)


def rfc_3339(instant: int) -> str:
    """An instant (milliseconds) for machines."""
    seconds, milliseconds = divmod(instant, 1000)
    text = datetime.fromtimestamp(seconds, UTC).isoformat()[:19]
    return f"{text}.{milliseconds:03}Z" if milliseconds else f"{text}Z"


def _percent(basis_points: int, language: str) -> str:
    whole, rest = divmod(basis_points, 100)
    digits = f"{rest:02}".rstrip("0")
    return f"{whole}{(',' if language == 'de' else '.') + digits if digits else ''} %"


def _names(selection: Selection) -> str:
    named = (
        *selection.products,
        *selection.categories,
        *selection.collections,
        *selection.tags,
        *selection.sites,
        *selection.channels,
    )
    return ", ".join(named[:MAX_NAMES]) + (", …" if len(named) > MAX_NAMES else "")
