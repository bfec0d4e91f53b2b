"""The functions behind the API: time, queues and the ledger's stream start them, one the API itself.

    sweep      every minute                 nominates the wallets that time has changed
    settle     queue settle                 books what time did to them
    orders     queue order-events           what became of orders
    refunds    queue refund-events          what was refunded
    customers  queue customer-events        what customers did, and who they are
    publish    the ledger's stream          tells the bus of every entry
    replay     by hand                      tells it again
    observe    the ledger's stream          what entries say of customers and campaigns, and whom to tell
    release    every minute                 nominates the campaigns that are due
    campaign   queue release                finds their audience and grants it, in pieces; schedules; takes imports
    remind     every minute                 nominates the reminders that are due
    notify     queue notices                tells people
    lift       the API, which waits for it  measures what campaigns earned against chance

Each imports what it does when it is first called: every function loads this module with the application, and none of
them must pay for the others, the API least of all.

What stands in the decorators is replaced where the package is made (`infra/`): Chalice knows no partial batches, no
on-failure destinations, and no stream that the stack itself makes.
"""

from __future__ import annotations

from typing import Any

from chalice.app import Blueprint, CloudWatchEvent, DynamoDBEvent, Rate, SQSEvent

workers = Blueprint(__name__)


@workers.schedule(Rate(1, unit=Rate.MINUTES), name="sweep")
def sweep(event: CloudWatchEvent) -> dict[str, Any]:
    from chalicelib import wiring
    from chalicelib.expiry.handlers import sweep_now

    context: Any = event.context
    return sweep_now(wiring.engine(), wiring.settle_queue(), context)


@workers.on_sqs_message(queue="settle", batch_size=10, name="settle", maximum_concurrency=10)
def settle(event: SQSEvent) -> dict[str, Any]:
    from chalicelib import wiring
    from chalicelib.expiry.handlers import settle_batch

    context: Any = event.context
    return settle_batch(wiring.engine(), wiring.settle_queue(), event.to_dict(), context)


@workers.on_sqs_message(queue="order-events", batch_size=10, name="orders", maximum_concurrency=10)
def orders(event: SQSEvent) -> dict[str, Any]:
    from chalicelib.edge.functions.intake import take_batch

    context: Any = event.context
    return take_batch(event.to_dict(), queue="order-events", context=context)


@workers.on_sqs_message(queue="refund-events", batch_size=10, name="refunds", maximum_concurrency=10)
def refunds(event: SQSEvent) -> dict[str, Any]:
    from chalicelib.edge.functions.intake import take_batch

    context: Any = event.context
    return take_batch(event.to_dict(), queue="refund-events", context=context)


@workers.on_sqs_message(queue="customer-events", batch_size=10, name="customers", maximum_concurrency=10)
def customers(event: SQSEvent) -> dict[str, Any]:
    from chalicelib.edge.functions.intake import take_batch

    context: Any = event.context
    return take_batch(event.to_dict(), queue="customer-events", context=context)


@workers.on_dynamodb_record(stream_arn="arn:aws:dynamodb:::table/ledger/stream/ledger", batch_size=100, name="publish")
def publish(event: DynamoDBEvent) -> dict[str, Any]:
    from chalicelib.edge.functions.publishing import publish_batch

    return publish_batch(event.to_dict())


@workers.lambda_function(name="replay")
def replay(event: dict[str, Any], _context: object) -> dict[str, Any]:
    from chalicelib.edge.functions.publishing import replay_range

    return replay_range(event)


@workers.on_dynamodb_record(stream_arn="arn:aws:dynamodb:::table/ledger/stream/ledger", batch_size=100, name="observe")
def observe(event: DynamoDBEvent) -> dict[str, Any]:
    from chalicelib.edge.functions.observing import observe_batch

    return observe_batch(event.to_dict())


@workers.schedule(Rate(1, unit=Rate.MINUTES), name="release")
def release(event: CloudWatchEvent) -> dict[str, Any]:
    from chalicelib import wiring
    from chalicelib.edge.functions.releasing import release_now

    context: Any = event.context
    return release_now(wiring.engine(), wiring.release_queue(), context)


@workers.on_sqs_message(queue="release", batch_size=1, name="campaign", maximum_concurrency=5)
def campaign(event: SQSEvent) -> dict[str, Any]:
    from chalicelib import wiring
    from chalicelib.edge.functions.releasing import release_batch

    context: Any = event.context
    schedules = wiring.release_schedules()
    return release_batch(wiring.engine(), wiring.release_queue(), event.to_dict(), context, schedules)


@workers.schedule(Rate(1, unit=Rate.MINUTES), name="remind")
def remind(event: CloudWatchEvent) -> dict[str, Any]:
    from chalicelib.edge.functions.notifying import remind_now

    context: Any = event.context
    return remind_now(context)


@workers.on_sqs_message(queue="notices", batch_size=10, name="notify", maximum_concurrency=5)
def notify(event: SQSEvent) -> dict[str, Any]:
    from chalicelib.edge.functions.notifying import notify_batch

    context: Any = event.context
    return notify_batch(event.to_dict(), context)


@workers.lambda_function(name="lift")
def lift(event: dict[str, Any], _context: object) -> dict[str, Any]:
    from chalicelib.edge.functions.measuring import measure_lifts

    return measure_lifts(event)
