"""What callers may send about imports; and a row of one, checked by the very models of the calls that do it singly."""

from typing import Annotated, Literal

from pydantic import Field

from chalicelib.edge.customers.bodies import CustomerBody
from chalicelib.edge.fields import Body, Currency, Identifier
from chalicelib.edge.wallets.support_bodies import CreditBody

MAX_CSV_CHARACTERS = 64 * 1024


class ImportBody(Body):
    """A table to be imported, as CSV with a header. Its columns are told by the call's description."""

    kind: Literal["customers", "credits"]
    csv: Annotated[str, Field(min_length=1, max_length=MAX_CSV_CHARACTERS)]


class ApplyBody(Body):
    """Whether rows that are not valid are to be left out; otherwise they keep the rest from being applied, and the
    refusal's `errors` point at the first 20 of them: /rows/{number}/{column}, by the numbers of their verdicts."""

    skip_invalid: bool | None = None


class CustomerRow(CustomerBody):
    customer: Identifier


class CreditRow(CreditBody):
    customer: Identifier
    currency: Currency
