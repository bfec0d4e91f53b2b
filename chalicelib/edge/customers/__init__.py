"""Calls about customers, and what producers tell of them."""
