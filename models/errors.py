"""Errors of installing and serving models. Their messages are meant for the user at the terminal."""


class ModelError(Exception):
    """Base of every error that `python -m models` reports without a traceback."""


class CatalogueError(ModelError):
    """`models.toml` contains something that cannot be interpreted."""


class FetchError(ModelError):
    """A download failed, or the tool for it is missing."""


class HashMismatchError(ModelError):
    """The bytes do not match the catalogue's hash; nothing is installed from them."""

    def __init__(self, what: str, *, expected: str, actual: str) -> None:
        super().__init__(f"{what}: SHA-256 is {actual}, the catalogue expects {expected}")
        self.expected = expected
        self.actual = actual


class ConversionError(ModelError):
    """A network contains a layer, parameter or weight encoding that the converter does not support."""


class RepositoryError(ModelError):
    """An installed model repository is missing, incomplete or altered."""


class ServeError(ModelError):
    """Triton cannot be started: its environment or the repository is unsuitable."""
