"""Every limit of the ledger, with its unit. The asserts say how they depend on each other."""

from __future__ import annotations

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

MAX_AMOUNT = 10**12
"""Minor units that one command may move."""
MAX_BALANCE = 10**13
"""Minor units that grants may pile up in one wallet. A reversal only gives back, and is not refused by it."""

MAX_OPEN_LOTS = 100
"""A grant past this many open lots is refused."""
MAX_LOTS_AFTER_REVERSAL = 150
"""A reversal may still make a `reinstated` lot up to here: a refund is refused later than a grant."""
MAX_HELD_PARTS = 100
"""(hold, lot) pairs set aside at once; each may come back as one `reinstated` lot when its hold ends."""
MAX_LOTS = MAX_LOTS_AFTER_REVERSAL + MAX_HELD_PARTS
"""So no wallet ever has more lots than this, whatever lapses when."""
MAX_OPEN_HOLDS = 20

HOLD_TTL_DEFAULT_SECONDS = 30 * 60
HOLD_TTL_MAX_SECONDS = 7 * 24 * 3600

MAX_REINSTATEMENTS = 3
"""Links in a chain of parents; promotional and goodwill value given back past it expires at once."""

MAX_REDEMPTIONS_OF_ORDER = 20
"""Redemptions of one order that one refund gives back from."""
MAX_GRANTS_OF_ORDER = 20
"""Promotional grants that one order earned."""
MAX_REFUNDS_OF_ORDER = 100

MAX_PRIORITY = 100
DEFAULT_PRIORITY = 50

MAX_ID_CHARACTERS = 128
MAX_REASON_CHARACTERS = 64
MAX_TEXT_CHARACTERS = 5_000
MAX_CONDITION_VALUES = 50
"""Values in one list of a lot's conditions."""
MAX_CONDITIONS_BYTES = 1_000
"""A lot's conditions as compact JSON: they live inside the wallet item, once for each lot."""
MAX_ORDER_LINES = 250

MAX_EXPIRY_DAYS = 36_500
MAX_EXPIRY_MONTHS = 1_200

MAX_WALLET_BYTES = 400_000
"""DynamoDB's limit for an item."""
MAX_LOT_BYTES = MAX_CONDITIONS_BYTES + 2 * MAX_ID_CHARACTERS + 250
"""One lot as stored: conditions, source type and id, numbers, parent."""
MAX_TRANSACTION_ITEMS = 100

assert MAX_BALANCE < 2**53, "amounts stay exact in every JSON reader"
assert MAX_OPEN_LOTS <= MAX_LOTS_AFTER_REVERSAL <= MAX_LOTS
assert MAX_LOTS * MAX_LOT_BYTES + MAX_OPEN_HOLDS * 400 + MAX_HELD_PARTS * 40 < MAX_WALLET_BYTES
# a refund: wallet, operation, order, record of a hold; settling; a release; each redemption an entry and its record;
# each grant what is taken back; refund lot, bonus lot, settled debt, what expires again
assert 4 + MAX_OPEN_HOLDS + 1 + 1 + 2 * MAX_REDEMPTIONS_OF_ORDER + MAX_GRANTS_OF_ORDER + 4 <= MAX_TRANSACTION_ITEMS
# wallet, operation, record of a replaced hold; `lapsed` for every hold, `expired`, and two entries of the operation
assert 3 + MAX_OPEN_HOLDS + 1 + 2 <= MAX_TRANSACTION_ITEMS
