"""What the data of every type of event is made of."""

from chalicelib.edge.fields import Body
from chalicelib.events.model import Wanted


class Data(Body):
    """What an event of one type carries."""

    def wanted(self) -> Wanted:
        """What it asks for."""
        raise NotImplementedError
