"""Notices: what happened in the ledger, told to the people it happened to, and to the systems that asked to hear."""
