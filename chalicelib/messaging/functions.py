"""Another function of the stack: Lambda, asked and waited for. For what is only looked at; nothing hangs on it."""

from __future__ import annotations

import json
import logging
from functools import cached_property
from typing import Any

from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.runtime.clock import Deadline
from chalicelib.store.connections import SharedSession

CONNECT_SECONDS = 0.5
READ_SECONDS = 5.0
"""A function that starts anew has to load its libraries first."""
LONGEST_SECONDS = CONNECT_SECONDS + READ_SECONDS
ATTEMPTS = 1

Json = dict[str, Any]
_log = logging.getLogger(__name__)


class NotAnswered(Exception):
    """The function could not be asked, or in time; it took too long, failed, or answered what is no answer."""


class Function:
    """One function, by its name; region, endpoint and credentials are the environment's. Threads may share it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def ask(self, question: Json, deadline: Deadline) -> Any:
        """Its answer, which is JSON. It is not asked where the deadline would not wait for all that it may take.

        :raises NotAnswered: see there
        """
        if deadline.remaining_seconds < LONGEST_SECONDS:
            _log.warning("%s was not asked: too little time is left", self._name)
            raise NotAnswered
        try:
            told = self._client.invoke(FunctionName=self._name, Payload=json.dumps(question).encode())
            payload = told["Payload"].read()
        except (ClientError, BotoCoreError) as error:
            _log.warning("%s was not asked: %s", self._name, error)
            raise NotAnswered from error
        if "FunctionError" in told:
            _log.warning("%s failed: %s", self._name, payload[:500])
            raise NotAnswered(told["FunctionError"])
        try:
            return json.loads(payload)
        except ValueError as error:
            _log.warning("%s answered no JSON: %s", self._name, payload[:500])
            raise NotAnswered from error

    @cached_property
    def _client(self) -> Any:
        """Made when it is first needed: few calls of the API ask another function."""
        made: BaseClient = SharedSession.shared.create_client(
            "lambda",
            config=Config(
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
                retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
            ),
        )
        return made
