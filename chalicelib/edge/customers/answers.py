"""What is answered about customers, as models."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import AwareDatetime, Field

from chalicelib.edge.answer_parts import Part

Money = dict[str, int]
"""Minor units by currency."""


class KnownConsents(Part):
    """What a customer agreed to be sent; null where nobody said."""

    email: bool | None
    sms: bool | None
    push: bool | None


class KnownAddress(Part):
    country: str | None = Field(description="ISO 3166-1 alpha-2")
    region: str | None
    city: str | None
    postal_code: str | None


class OrderFigures(Part):
    """Of all orders that were not cancelled, less what was refunded. An average is rounded down."""

    count: int = Field(ge=0)
    total: Money
    average: Money
    first_at: date | None = Field(description="A day in the merchant's zone.")
    last_at: date | None = Field(description="A day in the merchant's zone.")


class RecentProduct(Part):
    product: str
    at: AwareDatetime


class ProductFigures(Part):
    """The last few products, newest first."""

    bought: list[RecentProduct]
    viewed: list[RecentProduct]


class EmailFigures(Part):
    """In the 400 days up to the last one."""

    opens: int = Field(ge=0)
    clicks: int = Field(ge=0)
    last_at: date | None = Field(description="A day in the merchant's zone.")


class CheckoutFigures(Part):
    started_at: AwareDatetime | None
    abandoned_at: AwareDatetime | None
    abandoned_total: Money | None


class WalletTotals(Part):
    """What the ledger tells, a moment after it happened. `redeemed` is less what was given back."""

    issued: int
    redemptions: int
    redeemed: int
    first_issued_at: AwareDatetime | None
    last_redeemed_at: AwareDatetime | None


class Aggregates(Part):
    """What a customer did."""

    orders: OrderFigures
    products: ProductFigures
    email: EmailFigures
    checkout: CheckoutFigures
    wallets: dict[str, WalletTotals] = Field(description="By currency.")


class Customer(Part):
    """Who a customer is, and what they did. Of an erased one only orders and wallets in numbers are known; of one who
    was merged, all is with the other."""

    customer: str
    email: str | None
    phone: str | None
    locale: str | None
    birth_date: date | None
    consents: KnownConsents
    tags: list[str]
    attributes: dict[str, str | int | bool]
    address: KnownAddress
    predicted_spend_tier: Literal["high", "medium", "low"] | None
    has_account: bool | None
    erased: bool
    merged_into: str | None
    aggregates: Aggregates
    version: int = Field(ge=0)
    updated_at: AwareDatetime | None = Field(description="When something of the person was told last.")


class MovedWallet(Part):
    """What moved from one wallet to the other, and the entries that say so, in either."""

    currency: str
    amount: int = Field(ge=0)
    debt: int = Field(ge=0)
    from_entries: list[int]
    into_entries: list[int]


class Merged(Part):
    """Wallets that had nothing are left out."""

    customer: str
    into: str
    wallets: list[MovedWallet]
    at: AwareDatetime
