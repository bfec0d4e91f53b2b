"""Notices: what happened to credit, told to people over the channels that they agreed to."""
