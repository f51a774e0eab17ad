"""Which modules of the package `darkroom` services import: none of the client, but for the tools that the gateway offers at `/mcp`, which
are the client's; and outside of their surfaces none of a surface.

The generated code shares the name with the client, so import-linter, which sees a package as one, cannot tell them apart. Its contracts, in
pyproject.toml, hold everything else.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.platform.rpc import catalogue

SERVICES = Path(__file__).resolve().parents[3] / "services"
WITH_TOOLS_OF_THE_CLIENT = SERVICES / "gateway" / "surfaces" / "mcp"
GENERATED = re.compile(r"darkroom\.([a-z_]+\.)*v\d+(\.|$)")


def imported(source: str) -> Iterator[str]:
    """The full names of everything that a module imports from `darkroom`."""
    if "darkroom" not in source:
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name for name in names if name.partition(".")[0] == "darkroom")


def test_services_import_no_module_of_the_client() -> None:
    found = {path: [name for name in imported(path.read_text()) if not GENERATED.match(name)] for path in SERVICES.rglob("*.py")}
    assert len(found) > 100
    wrong = {str(path): names for path, names in found.items() if names and not path.is_relative_to(WITH_TOOLS_OF_THE_CLIENT)}
    assert wrong == {}


def messages_of_surfaces() -> set[str]:
    """The packages whose services belong to a surface, such as `darkroom.rest.v1`."""
    return {service.file.package for service in catalogue.public_services()}


@pytest.mark.parametrize("layer", ["domain", "store", "model"])
def test_inner_layers_know_no_message_of_a_surface(layer: str) -> None:
    packages = messages_of_surfaces()
    found = {path: list(imported(path.read_text())) for path in SERVICES.glob(f"*/{layer}/**/*.py")}
    assert len(found) > 5
    known = {str(path): [name for name in names if name.rpartition(".")[0] in packages] for path, names in found.items()}
    assert {path: names for path, names in known.items() if names} == {}


def test_a_message_of_a_surface_is_noticed() -> None:
    assert {"darkroom.rest.v1", "darkroom.tasks.v1", "darkroom.files.v1"} <= messages_of_surfaces()
    assert [name.rpartition(".")[0] for name in imported("from darkroom.rest.v1 import tasks_pb2")] == ["darkroom.rest.v1"]


@pytest.mark.parametrize(
    "line", ["import darkroom", "from darkroom import Client", "from darkroom.client import AsyncClient", "import darkroom.cli.app"]
)
def test_an_import_of_the_client_is_noticed(line: str) -> None:
    assert [name for name in imported(line) if not GENERATED.match(name)]


@pytest.mark.parametrize("line", ["from darkroom.tasks.v1 import task_pb2", "import darkroom.internal.files.v1.storage_service_pb2"])
def test_an_import_of_generated_code_is_fine(line: str) -> None:
    assert all(GENERATED.match(name) for name in imported(line))
