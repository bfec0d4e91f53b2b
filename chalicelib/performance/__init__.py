"""What campaigns earned: figures from the ledger's stream and from orders, and against customers who got nothing."""
