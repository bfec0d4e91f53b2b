"""Calls about campaigns."""
