"""The failures of the service's commands."""


class ServiceError(Exception):
    """The message says what was wrong and what to do."""
