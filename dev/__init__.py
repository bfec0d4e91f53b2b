"""What runs the project on one machine: environments, packaging, the local AWS, tokens. Never deployed."""
