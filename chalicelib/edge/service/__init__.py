"""Calls about the service itself and the merchant's settings."""
