"""`make replay`: tells the bus again of a range of a wallet's entries: same ids, same details.

    python -m dev.replay alice EUR 1 20 [--data .local]                      the local stack
    python -m dev.replay alice EUR 1 20 --stack NAME [--endpoint URL]        any other, with your own credentials

Sequences, both included. Asks the stack's function `replay`, which takes a part of a long range, until all is told.
Exit code 0: all of it; 1: not all of it, and from which sequence to go on; 2: it could not be asked, or makes no sense.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from dev.deploy import STACK, client
from dev.places import data_folder
from dev.running import NotRunning, running

FUNCTION = "Replay"
STUCK = 5
"""Answers in a row that brought nothing; then it is given up."""
PAUSE_SECONDS = 1.0


class Refused(Exception):
    """The function says that what it is asked for makes no sense, or it broke."""


def replay(
    functions: Any, function: str, customer: str, currency: str, first: int, last: int
) -> tuple[int, int | None]:
    """Tell the range; how many entries were told, and where to go on, None when all of it was.

    :raises Refused: see there
    """
    published, stuck, following = 0, 0, first
    while True:
        asked = {"customer": customer, "currency": currency, "from": following, "to": last}
        answer = _ask(functions, function, asked)
        published += answer["published"]
        if answer["next"] is None:
            if "error" in answer:
                raise Refused(answer["error"])
            return published, None
        following = answer["next"]
        stuck = 0 if answer["published"] else stuck + 1
        if "error" in answer:
            print(f"at {following}: {answer['error']}", file=sys.stderr)
            time.sleep(PAUSE_SECONDS)
        if stuck == STUCK:
            return published, following


def _ask(functions: Any, function: str, asked: dict[str, Any]) -> dict[str, Any]:
    """:raises Refused: the function broke"""
    answer = functions.invoke(FunctionName=function, Payload=json.dumps(asked).encode())
    told: dict[str, Any] = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise Refused(f"the function broke: {told.get('errorType')}: {told.get('errorMessage')}")
    return told


def function_of(cloudformation: Any, stack: str) -> str:
    """The name that the replayer has in a stack."""
    found = cloudformation.describe_stack_resource(StackName=stack, LogicalResourceId=FUNCTION)
    name: str = found["StackResourceDetail"]["PhysicalResourceId"]
    return name


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m dev.replay", description="Tell the bus again of entries.")
    parser.add_argument("customer")
    parser.add_argument("currency")
    parser.add_argument("first", type=int, help="sequence of the first entry")
    parser.add_argument("last", type=int, help="sequence of the last entry")
    parser.add_argument("--data", type=Path, default=data_folder(), help="a local stack")
    parser.add_argument("--stack", help="name of another CloudFormation stack")
    parser.add_argument("--endpoint", help="endpoint of that stack's services, where it is not AWS")
    wanted = parser.parse_args(arguments)
    try:
        if wanted.stack:
            cloudformation, functions = (
                boto3.client(service, endpoint_url=wanted.endpoint) for service in ("cloudformation", "lambda")
            )
        else:
            aws = running(wanted.data).aws
            cloudformation, functions = client("cloudformation", aws), client("lambda", aws)
        function = function_of(cloudformation, wanted.stack or STACK)
        published, left = replay(functions, function, wanted.customer, wanted.currency, wanted.first, wanted.last)
    except (NotRunning, Refused, BotoCoreError, ClientError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{published} entries of {wanted.customer}/{wanted.currency} told again")
    if left is not None:
        print(f"not all of them; go on with FROM={left}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
