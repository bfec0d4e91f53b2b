"""The commit loop: the one place that writes money, retries, and knows what an error means.

    read -> decide -> present -> commit ---COMMITTED-----> the answer
     ^        |                    |-----DONE_BEFORE-----> the same key did it: its answer, or `KeyReused`
     |        |                    |-----MOVED, NOT_COMMITTED, THROTTLED --- wait ---+
     |        |                    `-----UNKNOWN ------- remember the doubt, wait ---+
     |        `--refused--> did the same key do it before? its answer : the refusal  |
     +-------------------------------------------------------------------------------+
    attempts or time spent: `OutcomeUnknown` while a doubt stands, else `Busy`

A doubt is an attempt whose answer was lost. It stands on the wallet version that the attempt was planned from: as
long as the wallet has that version the attempt may still land; once the wallet is past it, it has landed or never
will, and the operation item says which. So a refusal is only told when no doubt stands, and a retry of a redemption
that emptied the wallet gets its success back.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from chalicelib.ledger.plans import Act, Plan
from chalicelib.ledger.policy import Policies, Policy
from chalicelib.ledger.refusals import CurrencyUnknown, Refused
from chalicelib.store import transaction
from chalicelib.store.backoff import after_lost_race, after_trouble
from chalicelib.store.connections import LONGEST_READ_SECONDS, REQUEST_SECONDS
from chalicelib.store.envelope import Answer, Envelope, WalletId
from chalicelib.store.packing import inflate
from chalicelib.store.reading import NOTHING_ELSE, Seen, Store, Subject
from chalicelib.store.signals import Busy, KeyReused, OutcomeUnknown, Signal, Unread

MAX_ATTEMPTS = 20
ATTEMPT_SECONDS = REQUEST_SECONDS
"""The longest one commit request can take; nothing is begun with less time left than this."""
API_DEADLINE_SECONDS = 8.0
"""When an API call must have its answer."""
API_FUNCTION_SECONDS = 10.0
"""When Lambda ends the function, whatever it does: a read that was begun at the last moment must be over by then."""

NO_VERSION = 2**63
"""Doubt about an attempt that would not have moved the wallet: no version of it tells that the attempt is over."""

assert ATTEMPT_SECONDS * 2 < API_DEADLINE_SECONDS
assert API_DEADLINE_SECONDS - ATTEMPT_SECONDS + LONGEST_READ_SECONDS < API_FUNCTION_SECONDS

Decide = Callable[[Seen, Act, Policy], Plan]
Wait = Callable[[int, Callable[[], float]], float]


class Engine:
    """The application over one store. `sleep` and `uniform` are ports for tests."""

    def __init__(
        self,
        store: Store,
        policies: Policies,
        *,
        sleep: Callable[[float], None] = time.sleep,
        uniform: Callable[[], float] = random.random,
    ) -> None:
        self.store = store
        self._policies = policies
        self.sleep = sleep
        self.uniform = uniform

    @property
    def policy(self) -> Policy:
        """The policy to decide by now; two calls may give two.

        :raises Unread: it is kept in the store and could not be read
        """
        return self._policies.current()

    def execute(
        self,
        wallet_id: WalletId,
        envelope: Envelope,
        decide: Decide,
        subject: Subject = NOTHING_ELSE,
    ) -> Answer:
        """Do a command exactly once for its key, or refuse it; every attempt goes by the same policy.

        :raises Refused: it is not possible; nothing changed, and nothing of it is under way
        :raises KeyReused: the key stands for another request
        :raises Busy: nothing changed; try again
        :raises OutcomeUnknown: a retry with the same key tells
        :raises Unread: nothing changed; the policy could not be read
        """
        policy = self.policy
        if wallet_id.currency not in policy.currencies:
            raise CurrencyUnknown("The currency is not known.", field="/path/currency", currency=wallet_id.currency)
        return _Execution(self, policy, wallet_id, envelope, decide, subject).run()

    def set_clock(self, now: int | None) -> None:
        """Let time stand still at an instant (milliseconds), or run again. Only where the stage has a test clock.

        :raises Busy: it could not be written, or somebody else set it at the same time
        :raises OutcomeUnknown: it may be set
        :raises Unread: the present setting could not be read
        """
        assert self.store.has_test_clock, "only a stage with a test clock can have it set"
        match transaction.set_clock(self.store, now):
            case Signal.COMMITTED:
                return
            case Signal.UNKNOWN:
                raise OutcomeUnknown
            case _:
                raise Busy

    @property
    def has_test_clock(self) -> bool:
        return self.store.has_test_clock


class _Execution:
    """One command on its way through the loop, and what is not known about it."""

    def __init__(
        self, engine: Engine, policy: Policy, wallet_id: WalletId, envelope: Envelope, decide: Decide, subject: Subject
    ) -> None:
        self._engine = engine
        self._policy = policy
        self._store = engine.store
        self._wallet_id = wallet_id
        self._envelope = envelope
        self._trace = envelope.trace
        self._decide = decide
        self._subject = subject
        self._doubted_version: int | None = None
        """Wallet version that an attempt without an answer was planned from."""
        self._key_unread = False
        """Whether the key did something is to be read, and has not been."""

    def run(self) -> Answer:
        while self._may_try():
            self._trace.attempts += 1
            try:
                step = self._attempt()
            except Unread:
                self._trace.throttles += 1
                step = after_trouble
            if isinstance(step, Answer):
                return step
            self._pause(step)
        if self._doubted_version is not None or self._key_unread:
            raise OutcomeUnknown
        raise Busy

    def _attempt(self) -> Answer | Wait:
        """One pass: the answer, or how to wait for the next pass."""
        seen = self._store.read(self._wallet_id, self._subject)
        if self._doubted_version is not None and seen.wallet.version > self._doubted_version:
            if (answer := self._done_before()) is not None:
                return answer
            self._doubted_version = None
        act = Act(self._envelope.operation, self._envelope.actor, seen.now)
        try:
            plan = self._decide(seen, act, self._policy)
        except Refused:
            if self._envelope.dry_run:
                raise
            if (answer := self._done_before()) is not None:
                return answer
            if self._doubted_version is None:
                raise
            return after_trouble
        body = self._envelope.present(plan)
        if self._envelope.dry_run or not self._has_to_be_written(seen, plan):
            return Answer(body)
        return self._commit(seen, plan, body)

    def _has_to_be_written(self, seen: Seen, plan: Plan) -> bool:
        """Whether there is anything to commit: where nothing is remembered, a plan may come to nothing."""
        order_changed = plan.order is not None and plan.order is not seen.order.order
        return self._envelope.remembered or bool(plan.entries) or order_changed

    def _commit(self, seen: Seen, plan: Plan, body: str) -> Answer | Wait:
        if self._remaining_seconds() < ATTEMPT_SECONDS:
            return after_trouble
        match transaction.commit(self._store, self._wallet_id, seen, plan, self._envelope, body):
            case Signal.COMMITTED:
                return Answer(body)
            case Signal.DONE_BEFORE:
                return self._done_before() or after_trouble
            case Signal.UNKNOWN:
                self._trace.unknowns += 1
                doubted = seen.wallet.version if plan.entries else NO_VERSION
                self._doubted_version = max(doubted, self._doubted_version or 0)
                return after_trouble
            case Signal.THROTTLED:
                self._trace.throttles += 1
                return after_trouble
            case Signal.MOVED | Signal.NOT_COMMITTED:
                self._trace.conflicts += 1
                return after_lost_race

    def _done_before(self) -> Answer | None:
        """The answer that this key's request got before, if it was committed.

        :raises KeyReused: it was another request
        :raises Unread: it could not be read, or there is no time left to
        """
        if not self._envelope.remembered:
            return None
        self._key_unread = True
        if self._remaining_seconds() < ATTEMPT_SECONDS:
            raise Unread("no time left to read the operation")
        row = self._store.operation(self._envelope.operation)
        self._key_unread = False
        if row is None:
            return None
        if row.request != self._envelope.fingerprint or row.wallet != str(self._wallet_id):
            raise KeyReused
        self._trace.replayed = True
        return Answer(inflate(row.answer), replayed=True)

    def _may_try(self) -> bool:
        return self._trace.attempts < MAX_ATTEMPTS and self._remaining_seconds() >= ATTEMPT_SECONDS

    def _pause(self, wait: Wait) -> None:
        pause = wait(self._trace.attempts, self._engine.uniform)
        self._engine.sleep(max(0.0, min(pause, self._remaining_seconds() - ATTEMPT_SECONDS)))

    def _remaining_seconds(self) -> float:
        return self._envelope.deadline.remaining_seconds
