"""What producers may tell of customers: the data of each type of event of the queue `customer-events`."""

from typing import Annotated

from pydantic import Field

from chalicelib.customers.happening import (
    CheckoutAbandoned,
    CheckoutStarted,
    CollectionViewed,
    EmailSeen,
    PersonTold,
    ProductViewed,
)
from chalicelib.edge.customers.bodies import CustomerBody, MergeBody
from chalicelib.edge.events.data import Data
from chalicelib.edge.fields import Currency, Few, Identifier, Money, Name
from chalicelib.edge.wallets.carts import OrderLine
from chalicelib.events.model import CustomerDid, CustomersMerged
from chalicelib.ledger.limits import MAX_ORDER_LINES


class CustomerData(Data):
    """Whom it is about."""

    customer: Identifier


class CustomerUpdatedData(CustomerBody, Data):
    """As a PUT has it, save that what is left out stays as it is."""

    customer: Identifier

    def wanted(self) -> CustomerDid:
        return CustomerDid(PersonTold(self.customer, self.telling()))


class CustomerMergedData(MergeBody, Data):
    customer: Identifier

    def wanted(self) -> CustomersMerged:
        return CustomersMerged(self.customer, self.into)


class EmailOpenedData(CustomerData):
    def wanted(self) -> CustomerDid:
        return CustomerDid(EmailSeen(self.customer, opens=1))


class EmailClickedData(CustomerData):
    def wanted(self) -> CustomerDid:
        return CustomerDid(EmailSeen(self.customer, clicks=1))


class EmailSubscribedData(CustomerData):
    def wanted(self) -> CustomerDid:
        return CustomerDid(PersonTold(self.customer, {"consents.email": True}))


class EmailUnsubscribedData(CustomerData):
    def wanted(self) -> CustomerDid:
        return CustomerDid(PersonTold(self.customer, {"consents.email": False}))


class ProductViewedData(CustomerData):
    product: Name
    collections: Few[Name] | None = None
    tags: Few[Name] | None = None

    def wanted(self) -> CustomerDid:
        return CustomerDid(ProductViewed(self.customer, self.product, self.collections or ()))


class CollectionViewedData(CustomerData):
    collection: Name

    def wanted(self) -> CustomerDid:
        return CustomerDid(CollectionViewed(self.customer, self.collection))


class CheckoutStartedData(CustomerData):
    total: Money | None = None
    currency: Currency | None = None
    lines: Annotated[tuple[OrderLine, ...], Field(max_length=MAX_ORDER_LINES)] | None = None

    def wanted(self) -> CustomerDid:
        return CustomerDid(CheckoutStarted(self.customer))


class CheckoutAbandonedData(CustomerData):
    total: Money
    currency: Currency | None = None
    lines: Annotated[tuple[OrderLine, ...], Field(max_length=MAX_ORDER_LINES)] | None = None

    def wanted(self) -> CustomerDid:
        return CustomerDid(CheckoutAbandoned(self.customer, self.total, self.currency))


CUSTOMER_DATA: dict[str, type[Data]] = {
    "customer.updated": CustomerUpdatedData,
    "customer.merged": CustomerMergedData,
    "email.opened": EmailOpenedData,
    "email.clicked": EmailClickedData,
    "email.subscribed": EmailSubscribedData,
    "email.unsubscribed": EmailUnsubscribedData,
    "product.viewed": ProductViewedData,
    "collection.viewed": CollectionViewedData,
    "checkout.started": CheckoutStartedData,
    "checkout.abandoned": CheckoutAbandonedData,
}
"""What each type of event carries."""
