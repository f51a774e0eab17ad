"""The public port of a stack, and what is said when another program has it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.assembly import create_stack
from deploy.local.backup import restore
from deploy.local.errors import PortTaken
from deploy.local.layout import Layout


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_a_taken_port_is_named_with_how_to_choose_another(tmp_path: Path, taken: int) -> None:
    with pytest.raises(
        PortTaken, match=rf"^port {taken} on 127\.0\.0\.1 is in use.*; choose another with `make up PORT=…` or .* \(0 takes"
    ):
        create_stack(tmp_path, port=taken)


def test_restoring_names_its_own_option(tmp_path: Path, taken: int) -> None:
    with pytest.raises(PortTaken, match=rf"^port {taken} on .*; choose another with `restore --port …` \(0 takes a free one\)$"):
        restore._config(Layout.at(tmp_path), taken)
