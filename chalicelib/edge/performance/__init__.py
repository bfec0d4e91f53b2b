"""Calls about what campaigns earned."""
