"""Calls about segments."""
