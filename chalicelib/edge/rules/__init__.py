"""Calls about rules."""
