"""What callers may send about the service itself."""

from chalicelib.edge.fields import Body, Instant


class ClockBody(Body):
    now: Instant
