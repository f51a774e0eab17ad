"""Errors of installing and serving models. Their message is meant for the person at the terminal."""


class ModelError(Exception):
    """Base of every error that `python -m models` reports without a traceback."""


class CatalogueError(ModelError):
    """`models.toml` says something that is not understood."""


class FetchError(ModelError):
    """A download failed, or the tool that makes it is missing."""


class HashMismatchError(ModelError):
    """Bytes are not the bytes the catalogue names; nothing is installed from them."""

    def __init__(self, what: str, *, expected: str, actual: str) -> None:
        super().__init__(f"{what}: SHA-256 is {actual}, the catalogue expects {expected}")
        self.expected = expected
        self.actual = actual


class ConversionError(ModelError):
    """A network holds a layer, parameter or weight encoding that the converter does not know."""


class RepositoryError(ModelError):
    """An installed model repository is missing, incomplete or altered."""


class ServeError(ModelError):
    """Triton cannot be started: its environment or the repository is not as it has to be."""
