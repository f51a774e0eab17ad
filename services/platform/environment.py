"""The common base of all settings classes: each setting is read from an environment variable, or from the file that another one names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

PREFIX = "DARKROOM_"
_variables: ContextVar[Mapping[str, str] | None] = ContextVar("variables", default=None)
_FILE = "_file"
# More than any secret; a wrong path may name a large file.
_MOST_BYTES = 1 << 20


def use(variables: Mapping[str, str]) -> None:
    """Have settings that are read in the current context come from these variables, in place of the process's."""
    _variables.set(variables)


class EnvironmentSettings(BaseSettings):
    """Settings whose field `x_y` is read from `DARKROOM_X_Y`, or from the file named by `DARKROOM_X_Y_FILE`, which is for secrets.

    Only one of the two may be set. The file contains the value in UTF-8; one newline at its end does not count. A field that itself ends
    with `_file` is the path of a file, and if there are both `x` and `x_file`, `DARKROOM_X_FILE` is the latter.

    A value that must agree with another field is checked by a validator of the later field, which finds the earlier one in `info.data` if
    that is
    valid. A validator of the whole class would not run while any field is invalid, so its problem would only be reported after that is
    fixed.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    @field_validator("*", mode="before")
    @classmethod
    def _has_been_read(cls, value: object) -> object:
        if isinstance(value, _Problem):
            raise ValueError(value.text)
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only arguments and the environment, of pydantic's sources."""
        return init_settings, _EnvironmentOrFile(settings_cls)

    @classmethod
    def variables(cls) -> frozenset[str]:
        """The environment variables that are read."""
        names = set(cls.model_fields) | {f"{name}{_FILE}" for name in cls.model_fields if not name.endswith(_FILE)}
        return frozenset(f"{PREFIX}{name}".upper() for name in names)


@dataclass(frozen=True, slots=True)
class _Problem:
    """Replaces a value that cannot be read until it is validated, so that it is reported together with all other problems."""

    text: str


class _EnvironmentOrFile(EnvSettingsSource):
    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {name.lower(): value for name, value in (_variables.get() or os.environ).items()}

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        value, key, is_complex = super().get_field_value(field, field_name)
        if field_name.endswith(_FILE) or f"{field_name}{_FILE}" in self.settings_cls.model_fields:
            return value, key, is_complex
        for key_of_name, name, _ in self._extract_field_info(field, field_name):
            path = self.env_vars.get(f"{name}{_FILE}")
            if path is None:
                continue
            variable = f"{name}{_FILE}".upper()
            if value is not None:
                return _Problem(f"is set, and so is {variable}; unset one of them"), key, False
            return _contents(variable, path), key_of_name, is_complex
        return value, key, is_complex

    def prepare_field_value(self, field_name: str, field: FieldInfo, value: Any, value_is_complex: bool) -> Any:
        return value if isinstance(value, _Problem) else super().prepare_field_value(field_name, field, value, value_is_complex)


def _contents(variable: str, path: str) -> str | _Problem:
    try:
        with Path(path).open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        text = content.decode()
    except OSError as error:
        return _Problem(f"cannot be read from the file that {variable} names, {path or 'an empty path'}: {error.strerror}")
    except UnicodeDecodeError:
        return _Problem(f"cannot be read from the file that {variable} names, {path}: it is not text in UTF-8")
    if len(content) > _MOST_BYTES:
        return _Problem(f"cannot be read from the file that {variable} names, {path}: it is larger than 1 MiB")
    text = text.removesuffix("\n").removesuffix("\r")
    return text or _Problem(f"is empty in the file that {variable} names, {path}")
