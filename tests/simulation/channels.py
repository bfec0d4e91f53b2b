"""The outside post: what carries a notice to people and machines, and remembers what it took.

The application's own senders talk to it, with these clients in the place of the services'. Each channel has trouble of
its own: it is down for hours, throttles, fails, takes something and is not heard, hears something and does not take it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from chalicelib.messaging.bus import Bus
from chalicelib.messaging.delivery import Delivery, Outcome
from chalicelib.messaging.email import Email
from chalicelib.messaging.sms import Sms
from chalicelib.notices.model import Channel
from tests.simulation.engine_fake import failure
from tests.simulation.weather import Killed

if TYPE_CHECKING:
    from tests.simulation.world import World

STORMS = (0.0, 0.15, 0.4)
"""Share of requests to a channel that meet trouble."""
DOWN_SHARE = 0.4
"""Of the channels, those that are down for a while."""
DOWN_SECONDS = (120.0, 2_000.0, 18_000.0, 90_000.0)
SLOW_SECONDS = 4.0
SENDER = "shop@example.com"
TROUBLES = (
    "channel takes unheard",
    "channel does not answer",
    "channel throttles",
    "channel fails, and takes it",
    "channel refuses",
    "notifier killed",
    "channel slow",
)
DOWN = "channel down"
NAMES = {Channel.EMAIL: "SendEmail", Channel.SMS: "Publish", Channel.PUSH: "PutEvents", Channel.WEBHOOK: "POST"}


@dataclass(frozen=True)
class Delivered:
    """Something that a channel took. `mark` says which notice it is, `id` what the receiver knows it by."""

    channel: Channel
    to: str
    mark: str
    id: str
    asked_ms: int
    """When the request was made; `at_ms`: when it was taken."""
    at_ms: int


class Office:
    """One channel's service."""

    def __init__(self, world: World, channel: Channel, taken: list[Delivered]) -> None:
        self._world = world
        self._channel = channel
        self._taken = taken
        self._dice = random.Random(f"{world.seed} {channel}")
        self.rate = self._dice.choice(STORMS)
        self.down_from_ms = self.down_until_ms = world.now
        if self._dice.random() < DOWN_SHARE:
            self.down_from_ms += round(1_000 * self._dice.choice((0.0, 5.0, 4_000.0)))
            self.down_until_ms = self.down_from_ms + round(1_000 * self._dice.choice(DOWN_SECONDS))

    def is_down(self, from_ms: int, until_ms: int) -> bool:
        """Whether it was down at some time between these."""
        return from_ms < self.down_until_ms and self.down_from_ms < until_ms

    def take(self, to: str, mark: str, id_: str = "") -> None:
        """Take something, or not.

        :raises BotoCoreError, ClientError: as the service's client does
        """
        world = self._world
        asked = world.now
        world.weaver.pause(world.weather.latency_seconds())
        name = NAMES[self._channel]

        def done() -> None:
            self._taken.append(Delivered(self._channel, to, mark, id_, asked, world.now))

        if not world.weather.over and self.is_down(world.now, world.now + 1):
            world.weather.met[DOWN] += 1
            raise EndpointConnectionError(endpoint_url="simulated")
        trouble = self._dice.choice(TROUBLES) if world.weather.happens("channel in trouble", self.rate) else None
        if trouble:
            world.weather.met[trouble] += 1
        match trouble:
            case "channel takes unheard":
                done()
                raise ReadTimeoutError(endpoint_url="simulated")
            case "channel does not answer":
                raise ReadTimeoutError(endpoint_url="simulated")
            case "channel throttles":
                raise failure(name, "ThrottlingException", "simulated")
            case "channel fails, and takes it":
                done()
                raise failure(name, "InternalFailure", "simulated", status=500)
            case "channel refuses" if self._channel in (Channel.EMAIL, Channel.SMS):
                raise failure(name, "MessageRejected", "simulated")
            case "notifier killed":
                if self._dice.random() < 0.5:
                    done()
                raise Killed
            case "channel slow":
                world.weaver.pause(self._dice.random() * SLOW_SECONDS)
        done()
        world.weaver.pause(world.weather.latency_seconds())


class PostOffice:
    """All channels of a history."""

    def __init__(self, world: World) -> None:
        self.taken: list[Delivered] = []
        """In the order in which they were taken."""
        self.offices = {channel: Office(world, channel, self.taken) for channel in Channel}
        self.email, self.sms, self.bus = Email(SENDER), Sms(), Bus("simulated")
        for sender in (self.email, self.sms, self.bus):
            sender.__dict__["_client"] = self

    # the clients of the services

    def send_email(self, *, FromEmailAddress: str, Destination: Any, Content: Any) -> dict[str, str]:  # noqa: N803
        assert FromEmailAddress == SENDER
        (to,) = Destination["ToAddresses"]
        self.offices[Channel.EMAIL].take(to, Content["Simple"]["Body"]["Text"]["Data"])
        return {"MessageId": str(len(self.taken))}

    def publish(self, *, PhoneNumber: str, Message: str) -> dict[str, str]:  # noqa: N803
        self.offices[Channel.SMS].take(PhoneNumber, Message)
        return {"MessageId": str(len(self.taken))}

    def put_events(self, *, Entries: Sequence[Any]) -> dict[str, Any]:  # noqa: N803
        (event,) = Entries
        told = json.loads(event["Detail"])
        self.offices[Channel.PUSH].take(told["customer"], told["body"], told["id"])
        return {"FailedEntryCount": 0, "Entries": [{"EventId": str(len(self.taken))}]}

    # the sender of webhooks

    def send(self, url: str, keys: Sequence[str], message: str, seconds: int, body: str) -> Delivery:
        assert keys and seconds, "it is signed, and says when"
        data = json.loads(body)["data"]
        try:
            self.offices[Channel.WEBHOOK].take(url, f"{data['id']} {data['happening']}", message)
        except Exception:  # noqa: BLE001  # whatever it is, there is no answer
            return Delivery(Outcome.NOT_TAKEN, "webhook_no_answer")
        return Delivery(Outcome.TAKEN)
