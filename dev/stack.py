"""The whole application on this machine: `make run`; in a test `with running_stack(port, data) as stack:`.

Packages the app, starts the local AWS, deploys to it, and stops it in good order. What was stored stays.
"""

import fcntl
import json
import os
import shlex
import shutil
import signal
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

from dev.deploy import deploy
from dev.engine import create_tables
from dev.fragment import TABLES
from dev.ministack import REGION, CannotStart, MiniStack, is_taken
from dev.package import package
from dev.places import ROOT, data_folder
from dev.tokens import SCOPES, SHOPPER, mint

STAGE = "local"
# Short names of the queues, as stack.json has them, and the resources that they are.
QUEUES = {
    "settle": "SettleQueue",
    "settle-dead-letters": "SettleDeadLetters",
    "order-events": "OrderEventsQueue",
    "order-events-dead-letters": "OrderEventsDeadLetters",
    "refund-events": "RefundEventsQueue",
    "refund-events-dead-letters": "RefundEventsDeadLetters",
    "customer-events": "CustomerEventsQueue",
    "customer-events-dead-letters": "CustomerEventsDeadLetters",
    "release": "ReleaseQueue",
    "release-dead-letters": "ReleaseDeadLetters",
    "notices": "NoticesQueue",
    "notices-dead-letters": "NoticesDeadLetters",
    "publish-dead-letters": "PublishDeadLetters",
    "observe-dead-letters": "ObserveDeadLetters",
}
HEALTHY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Stack:
    """A running stack, as DATA/stack.json tells of it: `api` is the base URL, `aws` the local AWS's endpoint."""

    api: str
    aws: str
    region: str
    tables: dict[str, str]
    stage: str
    queues: dict[str, str]
    bus: str


@contextmanager
def running_stack(port: int, data: Path, test_clock: str = "on", dynamodb_endpoint: str = "") -> Iterator[Stack]:
    """Runs the app, as it is in the checkout, until the block ends; then waits until everything is saved.

    `test_clock` "off" deploys without one; `dynamodb_endpoint` names another DynamoDB for the functions, in
    which missing tables are created. Raises CannotStart when the port or the data is taken or MiniStack is
    missing, RuntimeError when the deployment fails.
    """
    with _held(data):
        ministack = MiniStack(port, data, log=data / "aws.log")
        packaged = package(STAGE)
        try:
            ministack.start()
            outputs = deploy(ministack.endpoint, packaged, data, test_clock, dynamodb_endpoint)
            tables = {name: outputs[f"{resource}Name"] for name, resource in TABLES.items()}
            if dynamodb_endpoint:
                create_tables(
                    dynamodb_endpoint, tables["wallets"], tables["ledger"], tables["customers"], tables["campaigns"]
                )
            ministack.save()
            api = f"{ministack.endpoint}/_aws/execute-api/{outputs['RestAPIId']}/{STAGE}"
            _wait_until_healthy(api, data)
            stack = Stack(
                api=api,
                aws=ministack.endpoint,
                region=REGION,
                tables=tables,
                stage=STAGE,
                # MiniStack remembers the URLs of an earlier run, which may have had another port.
                queues={
                    name: ministack.endpoint + urlsplit(outputs[f"{resource}Url"]).path
                    for name, resource in QUEUES.items()
                },
                bus=outputs["EventBusName"],
            )
            (data / "stack.json").write_text(json.dumps(asdict(stack), indent=2) + "\n")
            yield stack
        finally:
            ministack.stop()


def reset(data: Path) -> None:
    """Empties what a stack stored; its key pair stays, and so tokens stay good. Raises CannotStart while it
    runs."""
    with _held(data):
        for stored in ("aws", "s3", "tmp"):
            shutil.rmtree(data / stored, ignore_errors=True)
        (data / "stack.json").unlink(missing_ok=True)


@contextmanager
def _held(data: Path) -> Iterator[None]:
    """Two stacks on the same data would overwrite each other's state: the second is refused."""
    data.mkdir(parents=True, exist_ok=True)
    with (data / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(f"a stack is running on {data}; stop it, or choose another folder with DATA=…") from None
        yield


def _wait_until_healthy(api: str, data: Path) -> None:
    """The first call also makes the function start: whoever comes next is not kept waiting for that."""
    deadline = time.monotonic() + HEALTHY_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"{api}/health", timeout=HEALTHY_SECONDS):
                return
        except OSError as error:
            if time.monotonic() > deadline:
                raise RuntimeError(f"GET /health answers {error}; see {data / 'aws.log'}") from error
        time.sleep(0.2)


def _greeting(stack: Stack, data: Path, seconds: float) -> str:
    make = "make -s token" if data == ROOT / ".local" else f"make -s token DATA={shlex.quote(str(data))}"
    tokens = "\n".join(f"{role:9} {mint(data, role)}" for role in SCOPES)
    return f"""
Ready after {seconds:.0f} s.

API     {stack.api}
AWS     {stack.aws}   (any AWS client: region {stack.region}, any credentials)
Data    {data}

Tokens, good for 12 hours; `{make} ROLE=…` prints a fresh one. The shopper is {SHOPPER}.
{tokens}

Grant {SHOPPER} 10.00 EUR, then look at the wallet:

  curl -s {stack.api}/v1/customers/{SHOPPER}/wallets/EUR/credits \\
    -H "Authorization: Bearer $({make} ROLE=support)" -H "Content-Type: application/json" \\
    -H "Idempotency-Key: first-credit" \\
    -d '{{"amount": 1000, "kind": "compensation", "reason": "late_delivery"}}'

  curl -s {stack.api}/v1/customers/{SHOPPER}/wallets/EUR \\
    -H "Authorization: Bearer $({make} ROLE=shopper)"

Ctrl-C stops it; what was stored is there at the next start. `make reset` empties it.
"""


def _stop(_number: int, _frame: FrameType | None) -> None:
    # Once: a second Ctrl-C must not cut off the saving that the first one began.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _run() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    began, data, parent = time.monotonic(), data_folder(), os.getppid()
    port, clock = int(os.environ.get("PORT", "4566")), os.environ.get("TEST_CLOCK", "on")
    if clock not in ("on", "off"):
        raise SystemExit("TEST_CLOCK is on or off")
    try:
        print("packaging, starting the local AWS, deploying …", flush=True)
        with running_stack(port, data, clock, os.environ.get("DYNAMODB_ENDPOINT", "")) as stack:
            print(_greeting(stack, data, time.monotonic() - began), flush=True)
            while is_taken(port):
                time.sleep(1)
                if "MAKELEVEL" in os.environ and os.getppid() != parent:
                    raise KeyboardInterrupt  # `make run` was killed; nobody would find us any more
        raise SystemExit(f"MiniStack has ended by itself; see {data / 'aws.log'}")
    except KeyboardInterrupt:
        print("stopped; everything is saved", flush=True)
    except (CannotStart, RuntimeError) as error:
        raise SystemExit(f"cannot run: {error}") from error


if __name__ == "__main__":
    if sys.argv[1:] == ["reset"]:
        reset(data_folder())
    else:
        _run()
