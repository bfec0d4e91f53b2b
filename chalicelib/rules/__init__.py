"""Rules of the merchant: what an order earns."""
