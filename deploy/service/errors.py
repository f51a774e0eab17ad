"""What goes wrong in the commands of the service."""


class ServiceError(Exception):
    """The message says what was wrong and what to do."""
