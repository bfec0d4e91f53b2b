"""Use cases about orders: they are paid, cancelled, refunded, and a refund is undone or quoted."""
