"""`make redrive`: moves what lies in a queue's dead-letter queue back into the queue.

    python -m dev.redrive refund-events [--dry-run] [--data .local]                     the local stack
    python -m dev.redrive --to QUEUE_URL --from DEAD_LETTERS_URL [--dry-run]            any other, own credentials

Each message is sent to the queue first and taken out of the dead letters only when the queue has it: nothing is lost,
and what is sent twice because it could not be taken out is a duplicate to its reader, like any other. The attributes
`reason` and `detail` say why it was set aside; they do not go back with it, and `redriven` does: its reader then takes
nothing for done that an earlier try may have left undone. --dry-run shows each and moves none.

What comes back while it runs is not moved again: as many are moved as there were at the beginning.
Exit code 0: all of them; 1: some are left, and why; 2: it could not be done.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.edge.functions.intake import REDRIVEN
from dev.deploy import client
from dev.places import data_folder
from dev.running import NotRunning, running

REDRIVABLE = ("order-events", "refund-events", "customer-events", "settle", "release", "notices")
"""Queues with a dead-letter queue. The dead letters of those who read the ledger's stream have no queue to go back to:
see `make replay` for the publisher's."""
REASON = "reason"
DETAIL = "detail"
MAX_ATTRIBUTES = 10
"""That a message may have."""
NO_REASON = "received too often, no reason given"
HIDDEN_SECONDS = 120
"""How long a dead letter that we hold is hidden from others; more than moving ten takes."""
SHOWN_CHARACTERS = 200


@dataclass(slots=True)
class Report:
    """What became of the messages: how many were there, and how many were moved, by reason; what went wrong."""

    found: int = 0
    moved: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


def redrive(sqs: Any, dead_letters: str, queue: str) -> Report:
    """Move what lies in one queue (its URL) to another, oldest first as far as queues have an order."""
    report = Report()
    for message in _messages(sqs, dead_letters, report):
        attributes = {
            name: {key: value[key] for key in ("DataType", "StringValue", "BinaryValue") if key in value}
            for name, value in message.get("MessageAttributes", {}).items()
            if name not in (REASON, DETAIL)
        }
        if len(attributes) < MAX_ATTRIBUTES:
            attributes[REDRIVEN] = {"DataType": "String", "StringValue": "true"}
        try:
            sqs.send_message(QueueUrl=queue, MessageBody=message["Body"], MessageAttributes=attributes)
            sqs.delete_message(QueueUrl=dead_letters, ReceiptHandle=message["ReceiptHandle"])
        except (BotoCoreError, ClientError) as error:
            report.failures.append(f"{message['MessageId']}: {error}")
        else:
            report.moved[reason_of(message)] += 1
    return report


def show(sqs: Any, dead_letters: str) -> Report:
    """Print each message of a dead-letter queue, and leave them there."""
    report = Report()
    held = []
    for message in _messages(sqs, dead_letters, report):
        held.append(message["ReceiptHandle"])
        print(f"{reason_of(message)}: {_named(message['Body'])}{_detail_of(message)}")
    for handle in held:
        sqs.change_message_visibility(QueueUrl=dead_letters, ReceiptHandle=handle, VisibilityTimeout=0)
    return report


def _messages(sqs: Any, url: str, report: Report) -> Iterator[dict[str, Any]]:
    """As many messages as the queue had when asked first, each hidden from others for a while."""
    name = "ApproximateNumberOfMessages"
    report.found = int(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name])
    left = report.found
    while left > 0:
        received = sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=min(left, 10),
            MessageAttributeNames=["All"],
            VisibilityTimeout=HIDDEN_SECONDS,
            WaitTimeSeconds=1,
        ).get("Messages", [])
        if not received:
            return
        left -= len(received)
        yield from received


def reason_of(message: dict[str, Any]) -> str:
    reason: str = message.get("MessageAttributes", {}).get(REASON, {}).get("StringValue", NO_REASON)
    return reason


def _detail_of(message: dict[str, Any]) -> str:
    detail = message.get("MessageAttributes", {}).get(DETAIL, {}).get("StringValue")
    return f" ({detail})" if detail else ""


def _named(body: str) -> str:
    """An event by its type, source and id; what is none, by how it begins."""
    try:
        event = json.loads(body)
        return f"{event['type']} {event['source']} {event['id']}"
    except (ValueError, KeyError, TypeError):
        return repr(body[:SHOWN_CHARACTERS])


def tell(report: Report, *, dry_run: bool) -> int:
    """Print the counts; the exit code."""
    for reason, count in report.moved.most_common():
        print(f"{count} moved back: {reason}")
    for failure in report.failures:
        print(f"NOT moved: {failure}", file=sys.stderr)
    moved = report.moved.total()
    print(f"{report.found} dead letters, {moved} moved back" + (" (dry run)" if dry_run else ""))
    return 0 if dry_run or moved == report.found else 1


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m dev.redrive", description="Move dead letters back to their queue.")
    parser.add_argument("queue", nargs="?", choices=REDRIVABLE, help="a queue of the local stack")
    parser.add_argument("--data", type=Path, default=data_folder(), help="a local stack")
    parser.add_argument("--to", help="URL of the queue, where it is not the local stack's")
    parser.add_argument("--from", dest="source", help="URL of its dead-letter queue")
    parser.add_argument("--endpoint", help="endpoint of that SQS, where it is not AWS")
    parser.add_argument("--dry-run", action="store_true", help="show what lies there and move nothing")
    wanted = parser.parse_args(arguments)
    if bool(wanted.to and wanted.source) == bool(wanted.queue):
        parser.error("name a queue of the local stack, or both --to and --from")
    try:
        if wanted.queue:
            stack = running(wanted.data)
            sqs = client("sqs", stack.aws)
            queue, dead_letters = stack.queues[wanted.queue], stack.queues[f"{wanted.queue}-dead-letters"]
        else:
            sqs = boto3.client("sqs", endpoint_url=wanted.endpoint)
            queue, dead_letters = wanted.to, wanted.source
        report = show(sqs, dead_letters) if wanted.dry_run else redrive(sqs, dead_letters, queue)
    except (NotRunning, BotoCoreError, ClientError) as error:
        print(error, file=sys.stderr)
        return 2
    return tell(report, dry_run=wanted.dry_run)


if __name__ == "__main__":
    sys.exit(main())
