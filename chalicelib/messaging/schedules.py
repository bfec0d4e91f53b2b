"""One-off schedules: EventBridge Scheduler puts a message into a queue at an instant, and forgets the schedule.

What is scheduled here is only ever a nudge: a job each minute finds the same work by itself. So a schedule that could
not be made, or that fires twice, changes nothing but a minute.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NotConnected

from chalicelib.store.connections import SharedSession

CONNECT_SECONDS = 0.5
READ_SECONDS = 1.0
ATTEMPTS = 1
"""The caller waits for it, and it is not needed."""
MAX_EVENT_AGE_SECONDS = 60
"""The service gives up on a nudge that is older: the job of that minute was there."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Schedules:
    """Schedules of one group whose messages go to one queue; the service sends them in the role's name."""

    group: str
    queue_arn: str
    role_arn: str

    def put(self, of: str, at: int, body: str) -> bool:
        """Let the queue have a message at an instant (milliseconds; the service goes by whole seconds).

        The schedule's name is made of what it is `of`, the instant and the message, so that one that is there is not
        made again. False: it could not be made.
        """
        name = hashlib.sha256(f"{of}\0{at}\0{body}".encode()).hexdigest()
        try:
            self._client.create_schedule(
                Name=name,
                GroupName=self.group,
                ScheduleExpression=f"at({_seconds(at)})",
                FlexibleTimeWindow={"Mode": "OFF"},
                ActionAfterCompletion="DELETE",
                Target={
                    "Arn": self.queue_arn,
                    "RoleArn": self.role_arn,
                    "Input": body,
                    "RetryPolicy": {"MaximumEventAgeInSeconds": MAX_EVENT_AGE_SECONDS, "MaximumRetryAttempts": 1},
                },
            )
        except (NotConnected, HTTPClientError) as error:
            _log.warning("schedule not made: %s", error)
            return False
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConflictException":
                return True
            _log.warning("schedule not made: %s", error)
            return False
        return True

    @cached_property
    def _client(self) -> Any:
        made: BaseClient = SharedSession.shared.create_client(
            "scheduler",
            config=Config(
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
                retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
            ),
        )
        return made


def _seconds(instant: int) -> str:
    """As the service wants an instant: without an offset, to the second; what is finer is rounded up, never early."""
    return datetime.fromtimestamp(-(-instant // 1000), UTC).isoformat()[:19]
