"""Calls about notices: templates, webhooks, what became of each."""
