"""Events of other systems: what they mean here, and what became of each."""
