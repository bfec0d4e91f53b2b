"""Calls about orders."""
