"""Credit that moves from wallets to wallets, all of it in ONE transaction: no moment, and no crash, leaves a half.

    put     wallet, …     condition: its version is the one that was read (or it is not there)
    put     entry, …      condition: no such sequence yet

They are written through `store.once` beside the documents and the operation that belong to the move, so the loop there
decides about retries, and the operation's record says what the key did.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from chalicelib.ledger.model import Wallet
from chalicelib.ledger.plans import Plan
from chalicelib.store.codec import entry_attributes, wallet_attributes
from chalicelib.store.envelope import WalletId
from chalicelib.store.packing import item_of
from chalicelib.store.reading import Store
from chalicelib.store.writes import Write


def transfer(store: Store, moves: Iterable[tuple[Wallet, Plan]]) -> list[Write]:
    """What is to be written for these plans, each made from the wallet as it was read; all wallets are different. A
    plan without entries leaves its wallet as it is, and demands that it still is what the others were decided from."""
    return [write for wallet, plan in moves for write in _writes(store, wallet, plan)]


def _writes(store: Store, before: Wallet, plan: Plan) -> Iterator[Write]:
    table = store.tables.wallets_name
    if not plan.entries:
        key = {"pk": {"S": before.customer}, "sk": {"S": before.currency}}
        yield Write("ConditionCheck", {"TableName": table, "Key": key, **_unchanged(before)})
        return
    item = item_of(wallet_attributes(plan.wallet))
    yield Write("Put", {"TableName": table, "Item": item, **_unchanged(before)})
    wallet_id = WalletId(before.customer, before.currency)
    for entry in plan.entries:
        yield Write(
            "Put",
            {
                "TableName": store.tables.ledger_name,
                "Item": item_of(entry_attributes(wallet_id, entry)),
                "ConditionExpression": "attribute_not_exists(wallet)",
            },
        )


def _unchanged(wallet: Wallet) -> dict[str, object]:
    """The condition that a wallet is as it was read."""
    if not wallet.version:
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    return {
        "ConditionExpression": "version = :version",
        "ExpressionAttributeValues": {":version": {"N": str(wallet.version)}},
    }
