"""What can go wrong at a CA, apart from the client that a process without such a CA does not load."""


class AcmeRefused(Exception):
    """A sentence; it may go better another time."""


class AcmeOver(AcmeRefused):
    """The order at the CA is of no more use: another one has to be made."""


class AcmeNotYet(Exception):
    """The CA has not finished; the order is gone on with later."""
