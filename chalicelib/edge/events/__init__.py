"""Events: how they are read, and calls about those that were rejected."""
