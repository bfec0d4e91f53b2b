"""Calls about wallets: questions, what a checkout does, what support does."""
