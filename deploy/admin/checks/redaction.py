"""Keeping secrets out of what is printed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote

from services.platform.environment import PREFIX

_IN_URL = re.compile(r"(?P<before>\w://[^\s:/@]*:)(?P<password>[^\s/@]+)(?=@)")
_SECRET_NAME = re.compile(r"SECRET|PASSWORD|ACCESS_KEY|API_KEY|TOKEN|DATABASE_URL|NATS_URL|_KEY(_FILE)?$")
_SHORTEST = 8
"""Shorter ones could be any word of a sentence; in URLs they are found by their place."""
_MOST_BYTES = 65_536


class Redaction:
    """Replaces secrets by `***`."""

    def __init__(self, environments: Iterable[Mapping[str, str]]) -> None:
        found = {secret for environment in environments for secret in _secrets(environment)}
        self._secrets = sorted((secret for secret in found if len(secret) >= _SHORTEST), key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """The text without passwords in URLs, and without the secrets of the environments."""
        text = _IN_URL.sub(r"\g<before>***", text)
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


def _secrets(environment: Mapping[str, str]) -> Iterator[str]:
    for name, value in environment.items():
        if not name.startswith(PREFIX):
            continue
        content = _content(Path(value)) if name.endswith("_FILE") else value
        for match in _IN_URL.finditer(content):
            yield from (match["password"], unquote(match["password"]))
        if _SECRET_NAME.search(name):
            # For a URL, the password alone.
            yield from (line.strip() for line in content.splitlines() if "://" not in line and "-----" not in line)


def _content(file: Path) -> str:
    try:
        if file.stat().st_size > _MOST_BYTES:
            return ""
        return file.read_text(errors="replace")
    except (OSError, ValueError):
        return ""
