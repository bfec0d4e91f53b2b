"""What functions do that no request waits for: queues, streams, schedules."""
