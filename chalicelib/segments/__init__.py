"""Groups of customers: what makes one a member, and who is one now."""
