"""What campaigns earned: derived from the ledger and from orders, against customers who got nothing."""
