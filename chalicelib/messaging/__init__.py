"""What the engine sends to queues (SQS) and to the bus (EventBridge). Nothing here knows what credit is."""
