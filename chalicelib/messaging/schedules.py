"""One-off schedules: EventBridge Scheduler puts a message into a queue at an instant, and forgets the schedule.

What is scheduled here is only ever a nudge: a job each minute finds the same work by itself. So a schedule that could
not be made, that fires late or twice, or that nobody needs any more changes nothing but a minute.
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
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.store.connections import SharedSession

CONNECT_SECONDS = 0.5
READ_SECONDS = 1.0
ATTEMPTS = 1
"""The caller waits for it, and it is not needed."""
MAX_EVENT_AGE_SECONDS = 60
"""The service gives up on a nudge that is older: the job of that minute was there."""
_IS_THERE = "ConflictException"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Schedules:
    """Schedules of one group whose messages go to one queue; the service sends them in the role's name."""

    group: str
    queue_arn: str
    role_arn: str

    def put(self, of: str, at: int, body: str) -> bool:
        """Let the queue have a message at an instant (milliseconds) of the machine's clock, and never before it.

        The schedule's name is made of what it is `of`, the instant and the message, so that one that is there is not
        made again. False: it could not be made, which is in the log; nothing is raised.
        """
        second = _second(at)
        try:
            self._client.create_schedule(
                Name=hashlib.sha256(f"{of}\0{second}\0{body}".encode()).hexdigest(),
                Description=of,
                GroupName=self.group,
                ScheduleExpression=f"at({second})",
                ScheduleExpressionTimezone="UTC",
                FlexibleTimeWindow={"Mode": "OFF"},
                ActionAfterCompletion="DELETE",
                Target={
                    "Arn": self.queue_arn,
                    "RoleArn": self.role_arn,
                    "Input": body,
                    "RetryPolicy": {"MaximumEventAgeInSeconds": MAX_EVENT_AGE_SECONDS, "MaximumRetryAttempts": 1},
                },
            )
        except ClientError as error:
            if error.response["Error"].get("Code") != _IS_THERE:
                return _not_made(of, error)
        except BotoCoreError as error:
            return _not_made(of, error)
        return True

    @cached_property
    def _client(self) -> Any:
        """Made when it is first needed: most batches of the queue need none."""
        made: BaseClient = SharedSession.shared.create_client(
            "scheduler",
            config=Config(
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
                retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
            ),
        )
        return made


def _not_made(of: str, error: Exception) -> bool:
    _log.warning("no schedule for %s: %s", of, error)
    return False


def _second(instant: int) -> str:
    """As the service wants an instant: without an offset, to the second; what is finer is rounded up, never early."""
    return datetime.fromtimestamp(-(-instant // 1000), UTC).isoformat()[:19]
