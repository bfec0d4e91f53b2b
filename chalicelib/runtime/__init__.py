"""What every function needs from the machine it runs on: the clock, its environment, its log line."""
