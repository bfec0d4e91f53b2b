"""Use cases about one wallet: what HTTP, queues and schedules ask of it. Reading order: envelope, commands, queries."""
