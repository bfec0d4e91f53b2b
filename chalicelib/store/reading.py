"""Strongly consistent reads: what an operation sees before it decides, and what queries show.

One command reads in one round trip, whatever it needs: its wallet, the record of the redemption or hold it is about,
its order, its tally, and the test clock where the stage has one. Nothing here grows with a wallet's history save
`entries_through`, the audit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pynamodb.exceptions import GetError

from chalicelib.ledger.history import NO_HISTORY, OrderHistory
from chalicelib.ledger.lots import lot_sequence
from chalicelib.ledger.model import Entry, HoldStatus, Redemption, Wallet
from chalicelib.ledger.plans import Tally
from chalicelib.runtime.clock import Clock
from chalicelib.store.codec import entry_of, redemption_of, wallet_of
from chalicelib.store.connections import Connections
from chalicelib.store.envelope import WalletId
from chalicelib.store.items import Item, Items, Place
from chalicelib.store.order_reading import entries_about, redemptions_among
from chalicelib.store.signals import Unread, unread
from chalicelib.store.tables import (
    CLOCK_KEY,
    OPERATION,
    SETTINGS_KEY,
    TALLY,
    OperationRow,
    Tables,
    order_key,
)

if TYPE_CHECKING:
    from chalicelib.ledger.orders import Order

_REDEMPTION_ID = re.compile(r"rdm_([a-z2-7]{24})")
_HOLD_ID = re.compile(r"hld_([a-z2-7]{24})")
_LOT_ID = re.compile(r"lot_[1-9][0-9]{0,14}(?:\.[1-9][0-9]{0,3})?")
AUDIT_PAGE_ENTRIES = 1_000
MAX_WALLETS_OF_CUSTOMER = 250
"""There are fewer currencies than this."""


@dataclass(frozen=True)
class Subject:
    """What a command is about beside its wallet; its records are read together with the wallet."""

    redemption: str | None = None
    hold: str | None = None
    lot: str | None = None
    order: str | None = None
    order_history: bool = False
    """Whether what the wallet had to do with the order is read too: one more round trip, two where it redeemed."""
    tally: str | None = None
    """What is counted for the wallet's customer, and is given so often only."""


NOTHING_ELSE = Subject()
NOTHING_YET = Tally()


@dataclass(frozen=True)
class Seen:
    """What one command read: the wallet as stored, the present (milliseconds), and the records that it named."""

    wallet: Wallet
    now: int
    redemption: Redemption | None = None
    records: Mapping[str, bytes] = field(default_factory=dict)
    """Redemptions as stored, by their ids: what is given back is only committed while these stand."""
    order: OrderHistory = NO_HISTORY
    hold_status: HoldStatus | None = None
    lot_was_issued: bool = False
    counted: str | None = None
    """What `tally` is of."""
    tally: Tally = NOTHING_YET


class Store(Items):
    """What one stack's tables say. `clock` is the machine's; a test clock, where there is one, overrides it."""

    def __init__(self, tables: Tables, connections: Connections, clock: Clock, *, test_clock: bool) -> None:
        super().__init__(tables, connections)
        self.clock = clock
        self.has_test_clock = test_clock

    def read(self, wallet_id: WalletId, subject: Subject = NOTHING_ELSE) -> Seen:
        """All that one command decides from. A record of another wallet counts as none.

        The items of a batch are not read at one moment. The wallet may be newer than the redemption, which the commit
        finds out; and than the status of a hold that has left the wallet, which is then read once more.

        :raises Unread: DynamoDB could not be read, retries included
        """
        wallet_key = (wallet_id.customer, wallet_id.currency)
        redemption, hold, lot = subject.redemption, subject.hold, subject.lot
        record_key = _record_key(_REDEMPTION_ID, redemption) or _record_key(_HOLD_ID, hold)
        keys = [wallet_key]
        if record_key is not None:
            keys.append(record_key)
        named_order = order_key(subject.order) if subject.order is not None else None
        if named_order is not None:
            keys.append(named_order)
        counted = tally_key(subject.tally, wallet_id) if subject.tally is not None else None
        if counted is not None:
            keys.append(counted)
        if self.has_test_clock:
            keys.append(CLOCK_KEY)
        raw = self.items(keys)
        wallet = self._wallet(wallet_id, raw.get(wallet_key))
        record = self._record(wallet_id, raw.get(record_key) if record_key else None)
        if record_key and record and hold and wallet.hold(hold) is None:
            record = self._record(wallet_id, self.items([record_key]).get(record_key))
        taken = record.redemption if redemption and record else None
        records = {redemption: taken} if redemption and taken else {}
        history = OrderHistory(self._order(raw.get(named_order) if named_order else None))
        # Where a rule granted after the wallet was read as empty and before the order was, the order says so.
        nothing_about = not wallet.version and (history.order is None or not history.order.earned)
        if subject.order is not None and subject.order_history and not nothing_about:
            about = entries_about(self, wallet_id, subject.order)
            if about and about[-1].sequence > wallet.version:
                raise Unread("the wallet moved while its order was read")
            redemptions, records = redemptions_among(self, about)
            history = replace(history, redemptions=redemptions, entries=about)
        return Seen(
            wallet=wallet,
            now=self._now(raw.get(CLOCK_KEY)),
            redemption=redemption_of(redemption, taken) if redemption and taken else None,
            records=records,
            order=history,
            hold_status=HoldStatus(record.hold_status) if hold and record and record.hold_status else None,
            lot_was_issued=lot is not None and self._was_issued(wallet_id, wallet, lot),
            counted=subject.tally,
            tally=self._tally(raw.get(counted) if counted else None),
        )

    def order(self, order_id: str) -> Order | None:
        """An order, if it is remembered.

        :raises Unread: DynamoDB could not be read, retries included
        """
        place = self.order_place(order_id)
        return self.order_in(dict(self.items_at([place])), place)

    def order_place(self, order_id: str) -> Place:
        """Where an order is, for who reads it together with what is elsewhere."""
        return Place(self.tables.wallets_name, *order_key(order_id))

    def order_in(self, found: Mapping[Place, Item], place: Place) -> Order | None:
        """The order in that place among items that were read, if it is remembered."""
        return self._order(found.get(place))

    def wallets(self, wallet_ids: Iterable[WalletId]) -> tuple[list[Wallet], int]:
        """These wallets (all different, at most 99), each as stored, and the present (milliseconds), in one round trip.

        :raises Unread: DynamoDB could not be read, retries included
        :raises NewerSchema: a later version of this code wrote one of them
        """
        keys = [(wallet_id.customer, wallet_id.currency) for wallet_id in wallet_ids]
        raw = self.items([*keys, CLOCK_KEY] if self.has_test_clock else keys)
        return [self._wallet(WalletId(*key), raw.get(key)) for key in keys], self._now(raw.get(CLOCK_KEY))

    def operation(self, operation: str) -> OperationRow | None:
        """What an operation left behind, if it was committed.

        :raises Unread: DynamoDB could not be read, retries included
        """
        raw = self.items([(f"#{operation}", OPERATION)])
        return next((self.tables.operation.from_raw_data(item) for item in raw.values()), None)

    def wallets_of(self, customer: str) -> tuple[list[Wallet], int]:
        """All wallets of a customer by currency, and the present (milliseconds)."""
        items = self.pages(self.tables.wallets_name, customer, limit=MAX_WALLETS_OF_CUSTOMER)
        wallets = [wallet_of(self.tables.wallet.from_raw_data(item)) for item in items]
        return wallets, self.now()

    def now(self) -> int:
        """The present (milliseconds): the test clock's where it is set, else the machine's."""
        return self._now(self.items([CLOCK_KEY]).get(CLOCK_KEY) if self.has_test_clock else None)

    def clock_reading(self) -> int | None:
        """The instant that the test clock is set to (milliseconds), None when time runs."""
        item = self.items([CLOCK_KEY]).get(CLOCK_KEY)
        return int(item["now"]["N"]) if item and "now" in item else None

    def settings_and_now(self) -> tuple[dict[str, Any] | None, int]:
        """The settings item as stored, if there is one, and the present (milliseconds), in one round trip.

        :raises Unread: DynamoDB could not be read, retries included
        """
        raw = self.items([SETTINGS_KEY, CLOCK_KEY] if self.has_test_clock else [SETTINGS_KEY])
        return raw.get(SETTINGS_KEY), self._now(raw.get(CLOCK_KEY))

    def entries_before(self, wallet_id: WalletId, before: int | None, limit: int) -> tuple[list[Entry], int | None]:
        """A page of entries, newest first, with sequences below `before`; and the next page's `before`, if any."""
        older = None if before is None else self.tables.entry.sequence < before
        page = self.query(
            self.tables.ledger_name,
            str(wallet_id),
            limit=limit,
            range_key_condition=older,
            scan_index_forward=False,
        )
        entries = [entry_of(self.tables.entry.from_raw_data(item)) for item in page["Items"]]
        more = bool(entries) and entries[-1].sequence > 1
        return entries, entries[-1].sequence if more else None

    def entries_through(self, wallet_id: WalletId, last: int) -> Iterator[Entry]:
        """Every entry up to sequence `last`, oldest first: the whole history, page by page."""
        items = self.pages(
            self.tables.ledger_name,
            str(wallet_id),
            limit=AUDIT_PAGE_ENTRIES,
            range_key_condition=self.tables.entry.sequence <= last,
        )
        return (entry_of(self.tables.entry.from_raw_data(item)) for item in items)

    def entries_between(self, wallet_id: WalletId, first: int, last: int) -> Iterator[Entry]:
        """Every entry from sequence `first` to `last`, both included, oldest first."""
        items = self.pages(
            self.tables.ledger_name,
            str(wallet_id),
            limit=AUDIT_PAGE_ENTRIES,
            range_key_condition=self.tables.entry.sequence.between(first, last),
        )
        return (entry_of(self.tables.entry.from_raw_data(item)) for item in items)

    def _order(self, item: Item | None) -> Order | None:
        if item is None:
            return None
        from chalicelib.store.order_codec import order_of  # what serves wallets alone starts without it

        return order_of(self.tables.order.from_raw_data(item))

    def _tally(self, item: dict[str, Any] | None) -> Tally:
        if item is None:
            return NOTHING_YET
        row = self.tables.tally.from_raw_data(item)
        return Tally(int(row.times), int(row.amount), int(row.last_at))

    def _was_issued(self, wallet_id: WalletId, wallet: Wallet, lot: str) -> bool:
        """Whether the wallet ever had that lot; read from the entry that made it, which the lot's id names."""
        if wallet.lot(lot) is not None:
            return True
        if not _LOT_ID.fullmatch(lot) or lot_sequence(lot) > wallet.version:
            return False
        try:
            found = self.connections.reads.get_item(
                self.tables.ledger_name, str(wallet_id), str(lot_sequence(lot)), consistent_read=True
            )
        except GetError as error:
            raise unread(error) from error
        item: dict[str, Any] | None = found.get("Item")
        if not item:
            return False
        return any(each.id == lot for each in entry_of(self.tables.entry.from_raw_data(item)).lots)

    def _wallet(self, wallet_id: WalletId, item: dict[str, Any] | None) -> Wallet:
        if item is None:
            return Wallet(wallet_id.customer, wallet_id.currency)
        return wallet_of(self.tables.wallet.from_raw_data(item))

    def _record(self, wallet_id: WalletId, item: dict[str, Any] | None) -> OperationRow | None:
        if item is None:
            return None
        row = self.tables.operation.from_raw_data(item)
        return row if row.wallet == str(wallet_id) else None

    def _now(self, item: dict[str, Any] | None) -> int:
        if item is not None and "now" in item:
            return int(item["now"]["N"])
        return self.clock.now()


def tally_key(what: str, wallet_id: WalletId) -> tuple[str, str]:
    """Key of what is counted for a wallet's customer."""
    return f"#tally/{what}/{wallet_id.customer}", TALLY


def _record_key(shape: re.Pattern[str], record: str | None) -> tuple[str, str] | None:
    """Key of the operation that made a redemption or hold; None for what cannot be the id of one."""
    named = shape.fullmatch(record) if record else None
    return (f"#{named.group(1)}", OPERATION) if named else None
