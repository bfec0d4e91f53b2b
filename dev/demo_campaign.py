"""`make demo-campaign`: a campaign from the group of customers to what it earned, told to the running stack.

Five thousand made-up customers with a year behind them (`people`), a few segments, a campaign with a holdout and a
budget, its release with a progress bar, some days in which credit is spent and orders come in, and the performance as a
table and as a picture. Every step checks what it tells; exit code 0 only if all of it held.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.ledger.policy import Policy
from chalicelib.runtime.clock import SystemClock
from chalicelib.store.connections import connect
from chalicelib.store.reading import Store
from chalicelib.store.tables import bind
from dev.chart import picture
from dev.deploy import client
from dev.ministack import CREDENTIALS, REGION
from dev.people import move_in, people
from dev.places import data_folder
from dev.running import NotRunning, running
from dev.stack import Stack
from dev.telling import Teller, expect, step

CUSTOMERS = 5_000
SEED = 20_261_122
HOLDOUT_BASIS_POINTS = 1_500
AMOUNT = 1_000
PATIENCE_SECONDS = 300
BAR_CHARACTERS = 40
BUYERS_OF_A_HUNDRED = {"granted": 24, "holdout": 9}
"""Made up, as everything about these customers: what the figures are then measured from."""
DAYS = (0, 2, 5)
"""Days after the release on which they buy."""
TRIES = 5
AT_ONCE = 4
SEGMENTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("lapsed_regulars", {}),
    ("once_loyal_big_spenders", {}),
    ("engaged_never_bought", {}),
)


@dataclass(frozen=True, slots=True)
class Buyer:
    """Somebody who will place an order on a day, and pay with what was granted, if anything was."""

    customer: str
    granted: int
    day: int
    total: int


def main() -> int:
    data = data_folder()
    try:
        stack = running(data)
    except NotRunning as reason:
        print(reason, file=sys.stderr)
        return 2
    teller, store = Teller(stack.api, data), _store(stack)
    batch = uuid.uuid4().hex[:6]
    _arrive(store, batch)
    _look(teller)
    campaign = _campaign(teller, batch)
    _release(teller, campaign)
    buyers = _buyers(teller, campaign)
    try:
        for day in DAYS:
            _day(teller, stack, batch, [each for each in buyers if each.day == day], day)
    finally:
        teller.ask("owner", "DELETE", "/v1/test-clock")
    told = _performance(teller, campaign, buyers)
    step("7. The same as a picture.")
    path = data / f"campaign-{batch}.png"
    picture(told, path)
    expect(path.stat().st_size > 10_000, f"{path} shows it")
    return 0


def _store(stack: Stack) -> Store:
    os.environ.update(CREDENTIALS, AWS_ENDPOINT_URL_DYNAMODB=stack.aws, AWS_DEFAULT_REGION=REGION)
    tables = bind(*(stack.tables[name] for name in ("wallets", "ledger", "customers", "campaigns")))
    return Store(tables, connect(tables), SystemClock(), test_clock=True)


def _arrive(store: Store, batch: str) -> None:
    step(f"1. {CUSTOMERS:,} customers, each with a year of orders, emails and views (seed {SEED}).")
    names = [f"d{batch}-{number:05}" for number in range(CUSTOMERS)]
    moved_in = move_in(store, people(names, SEED, store.now(), Policy("demo", UTC)))
    expect(moved_in == CUSTOMERS, f"{moved_in:,} profiles are there")


def _look(teller: Teller) -> None:
    step("2. Marketing looks at some groups from the library.")
    for template, parameters in SEGMENTS:
        body = {"template": template, "parameters": parameters}
        told = teller.call("marketer", "POST", "/v1/segments/preview", body).body
        print(
            f"      {template:<26} {told['matched']:>6,} of {told['total']:,}, such as {', '.join(told['sample'][:3])}"
        )
        expect(0 < told["matched"] < told["total"], "some are in it, and some are not")


def _campaign(teller: Teller, batch: str) -> str:
    step("3. Regulars who stayed away get 10.00 for 30 days, 15 % of them nothing, to compare with.")
    where = {
        "all": [
            {"field": "profile.tags", "op": "contains", "value": f"d{batch}"},
            {"field": "orders.count", "op": ">=", "value": 1},
            {"field": "profile.country", "op": "in", "value": ["DE", "AT", "FR"]},
        ]
    }
    segment = teller.call("marketer", "POST", "/v1/segments", {"name": f"Came once {batch}", "where": where}).body
    body = {
        "name": f"We miss you {batch}",
        "goal": "reactivate",
        "segment": segment["id"],
        "amount": {"fixed": AMOUNT},
        "expires": {"days": 30},
        "currency": "EUR",
        "conditions": {"min_order": 2_000},
        "holdout_basis_points": HOLDOUT_BASIS_POINTS,
        "budget": AMOUNT * CUSTOMERS,
    }
    campaign: str = teller.call("marketer", "POST", "/v1/campaigns", body).body["id"]
    told = teller.call("marketer", "POST", f"/v1/campaigns/{campaign}/forecast", {}).body
    print(
        f"      audience {told['audience']:,}, held out {told['holdout']:,}, at most {told['liability'] / 100:,.2f} EUR"
    )
    expect(told["liability"] == (told["audience"] - told["holdout"]) * AMOUNT, "the forecast adds up")
    return campaign


def _release(teller: Teller, campaign: str) -> None:
    step("4. It is released.")
    teller.call("marketer", "POST", f"/v1/campaigns/{campaign}/release-now", {})
    began, told = time.monotonic(), dict[str, Any]()
    while time.monotonic() - began < PATIENCE_SECONDS:
        told = teller.ask("marketer", "GET", f"/v1/campaigns/{campaign}/progress").body
        done = told["granted"] + told["skipped"] + told["failed"]
        share = done / told["planned"] if told["planned"] else 0.0
        bar = "#" * round(share * BAR_CHARACTERS)
        print(
            f"\r      [{bar:<{BAR_CHARACTERS}}] {done:>5,} of {told['planned']:,} {told['state']:<10}",
            end="",
            flush=True,
        )
        if told["state"] == "released":
            break
        time.sleep(0.5)
    print()
    expect(told["state"] == "released" and told["granted"] == told["planned"], "everybody has it, each once")
    expect(told["granted"] + told["holdout"] == told["audience"], "and who is held out has not")


def _buyers(teller: Teller, campaign: str) -> list[Buyer]:
    """Some of both sides; the dice are seeded, so that the same people buy the same."""
    dice, cursor, found = random.Random(SEED), "", list[dict[str, Any]]()
    while True:
        page = teller.ask("marketer", "GET", f"/v1/campaigns/{campaign}/recipients?limit=250{cursor}").body
        found += page["data"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    return [
        Buyer(
            each["customer"],
            each["amount"] if each["status"] == "granted" else 0,
            dice.choice(DAYS),
            dice.randint(2_000, 9_000),
        )
        for each in found
        if dice.randrange(100) < BUYERS_OF_A_HUNDRED[each["status"]]
    ]


def _day(teller: Teller, stack: Stack, batch: str, buyers: list[Buyer], day: int) -> None:
    step(f"5. Day {day}: {len(buyers)} of them order, and pay with their credit what it covers.")
    now = datetime.now(UTC) + timedelta(days=day, minutes=1)
    teller.call("owner", "PUT", "/v1/test-clock", {"now": now.isoformat(timespec="seconds").replace("+00:00", "Z")})

    def buys(buyer: Buyer) -> bool:
        order: dict[str, Any] = {"id": _order(batch, buyer), "total": buyer.total}
        wallet = f"/v1/customers/{buyer.customer}/wallets/EUR"
        body = {"amount": buyer.granted, "order": order}
        # What is busy or unknown is asked again under the same key, as every checkout does: never a second debit.
        for _ in range(TRIES):
            status = teller.call("checkout", "POST", f"{wallet}/redemptions", body, order["id"], aloud=False).status
            if status < 500:
                break
        return status == 201

    with ThreadPoolExecutor(AT_ONCE) as tills:
        paid = list(tills.map(buys, [each for each in buyers if each.granted]))
    expect(all(paid), f"{len(paid)} redemptions, one each")
    _tell_orders(stack, batch, buyers, now)


def _tell_orders(stack: Stack, batch: str, buyers: Iterable[Buyer], now: datetime) -> None:
    sqs, queue = client("sqs", stack.aws), stack.queues["order-events"]
    entries = [
        {"Id": str(number), "MessageBody": json.dumps(_paid(batch, buyer, now))} for number, buyer in enumerate(buyers)
    ]
    for start in range(0, len(entries), 10):
        sqs.send_message_batch(QueueUrl=queue, Entries=entries[start : start + 10])


def _paid(batch: str, buyer: Buyer, now: datetime) -> dict[str, Any]:
    order = _order(batch, buyer)
    data = {
        "id": order,
        "customer": buyer.customer,
        "currency": "EUR",
        "total": buyer.total,
        "credit_used": buyer.granted,
        "paid_at": now.isoformat(timespec="seconds"),
    }
    return {"specversion": "1.0", "id": order, "source": "demo-shop", "type": "order.paid", "data": data}


def _order(batch: str, buyer: Buyer) -> str:
    return f"o{batch}-{buyer.customer}"


def _performance(teller: Teller, campaign: str, buyers: list[Buyer]) -> dict[str, Any]:
    step("6. What it earned, against those who got nothing.")
    spent = [each for each in buyers if each.granted]
    told = _until(
        lambda: teller.ask("marketer", "GET", f"/v1/campaigns/{campaign}/performance").body,
        lambda told: (
            told["redeemed"]["count"] == len(spent)
            and told["recipients"]["with_order"] + told["holdout"]["with_order"] == len(buyers)
            # What measures it may have to start first.
            and told["lift"]["status"] != "unavailable"
        ),
    )
    lift, orders = told["lift"], told["orders"]
    rows = (
        ("issued", f"{told['issued']['count']:,}", told["display"]["issued"]),
        ("redeemed", f"{told['redeemed']['count']:,}", told["display"]["redeemed"]),
        ("outstanding", "", told["display"]["outstanding"]),
        ("orders with credit", f"{orders['count']:,}", told["display"]["revenue"]),
        ("beyond the credit", "", told["display"]["overspend"]),
    )
    for name, count, worth in rows:
        print(f"      {name:<20}{count:>8}{worth:>18}")
    expect(orders["revenue"] == sum(each.total for each in spent), "revenue is what was ordered with credit")
    expect(
        told["outstanding"]["value"] == told["issued"]["value"] - told["redeemed"]["value"],
        "what is left is outstanding",
    )
    expect(lift["status"] == "measured", "there are enough of both sides to tell")
    for name in ("recipients", "holdout"):
        print(f"      ordered, of {name:<12}{percent(lift[f'{name}_rate_basis_points'])}")
    print(f"      lift                   {percent(lift['relative_basis_points'])}")
    return told


def percent(interval: dict[str, int]) -> str:
    """What is told in basis points, with its bounds."""
    value, low, high = (interval[name] / 100 for name in ("value", "low", "high"))
    return f"{value:6.1f} %  (95 %: {low:.1f} to {high:.1f})"


def _until(ask: Callable[[], dict[str, Any]], good: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    began, told = time.monotonic(), ask()
    while not good(told) and time.monotonic() - began < PATIENCE_SECONDS:
        time.sleep(1)
        told = ask()
    expect(good(told), "every redemption and every order is counted, once")
    return told


if __name__ == "__main__":
    sys.exit(main())
