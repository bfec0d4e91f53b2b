"""The store-credit engine: everything that is deployed. Start reading at `ledger`."""
