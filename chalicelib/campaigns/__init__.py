"""Campaigns: credit for a group of customers, at a chosen time, exactly once, within a budget."""
