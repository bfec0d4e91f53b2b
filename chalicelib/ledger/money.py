"""Currencies and how an amount is shown.

An amount is an integer of minor units; the exponent says where the decimal point of a printed amount stands. The table
is ISO 4217's list of active currencies (a test holds it against a published copy); most have two decimals.
"""

from __future__ import annotations

_TWO = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY "
    "COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF "
    "IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR "
    "MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG "
    "SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES "
    "WST XCD XCG YER ZAR ZMW ZWG "
)
_ZERO = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"

EXPONENT: dict[str, int] = {
    **dict.fromkeys(_TWO.split(), 2),
    **dict.fromkeys(_ZERO.split(), 0),
    **dict.fromkeys(_THREE.split(), 3),
}

POINTS: dict[str, int] = {"PTS": 0}
"""Points codes that are registered where the settings say nothing of them."""


def display(amount: int, currency: str, exponent: int | None = None) -> str:
    """The amount for people, without a locale: `12.50 EUR`, `1250 JPY`, `1.250 KWD`.

    A points code's exponent is the settings'; where none is given it is 0.
    """
    if exponent is None:
        exponent = EXPONENT.get(currency, 0)
    sign, digits = ("-", str(-amount)) if amount < 0 else ("", str(amount))
    if exponent:
        digits = digits.rjust(exponent + 1, "0")
        digits = f"{digits[:-exponent]}.{digits[-exponent:]}"
    return f"{sign}{digits} {currency}"
