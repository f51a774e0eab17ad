"""Compatibility surfaces that are switched off: the edge knows none of their paths, and says how they are switched on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from edge import failures, routes
from edge.render import render
from edge.settings import EdgeSettings
from edge.topology import PUBLIC
from services.platform.compatibility import DESCRIPTION, compatibility_surfaces, parse_surfaces
from services.platform.rpc import catalogue
from services.platform.surface_modules import surface_modules
from services.tasks import surfaces as surfaces_of_tasks

COMPATIBLE = ("claid", "fal", "mcp", "pi", "snapotter")
REPOSITORY = Path(__file__).resolve().parents[3]
# The code that stands on Darkroom's own API alone.
INDEPENDENT = ("clients", "console/src", "services/accounts")
NAMES_OF_THEIRS = re.compile(r"snapotter|\bclaid\b|\bfal\b|\bcompat\.|[\"'`/]api/(?:auth|v1)\b", re.IGNORECASE)


def settings(folder: Path, surfaces: str | None) -> EdgeSettings:
    listeners = {f"edge_{name}": f"unix:{folder}/{name}.sock" for name in PUBLIC}
    return EdgeSettings(out=folder, authorization_address=f"unix:{folder}/check.sock", surfaces=surfaces, **listeners)


@pytest.mark.parametrize("folder", INDEPENDENT)
def test_code_that_names_no_compatibility_surface(folder: str) -> None:
    suffixes = (".py", ".ts", ".tsx", ".md", ".toml", ".json", ".css", ".html")
    made = {"dist", "generated", "node_modules"}
    files = [file for file in (REPOSITORY / folder).rglob("*") if file.suffix in suffixes and not made & set(file.parts)]
    assert len(files) > 50
    named = {str(file.relative_to(REPOSITORY)): match[0] for file in files if (match := NAMES_OF_THEIRS.search(file.read_text()))}
    assert named == {}


@pytest.fixture
def none_on() -> Iterator[None]:
    with catalogue.offering(()):
        yield


def test_the_names_are_those_of_the_surfaces_in_compat() -> None:
    assert compatibility_surfaces() == COMPATIBLE
    for one in catalogue.declared_surfaces():
        assert (one.name in COMPATIBLE) == any(service.full_name.startswith("compat.") for service in catalogue.services_of(one))
    assert all(name in DESCRIPTION for name in COMPATIBLE)


def test_what_the_setting_says() -> None:
    assert parse_surfaces(None) == set(COMPATIBLE)
    assert parse_surfaces("") == parse_surfaces(" , ") == frozenset()
    assert parse_surfaces("pi, fal") == {"fal", "pi"}
    with pytest.raises(
        ValueError, match="pie, rest: there is no such compatibility surface; allowed are claid, fal, mcp, pi, snapotter, or nothing"
    ):
        parse_surfaces("pi,rest,pie")


def test_an_unknown_name_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="allowed are claid, fal, mcp, pi, snapotter"):
        settings(tmp_path, "snapoter")


@pytest.mark.usefixtures("none_on")
def test_only_darkroom_s_own_calls_are_left() -> None:
    assert {one.name for one in catalogue.surfaces()} == {"native", "pictures", "rest"}
    assert not [service for service in catalogue.public_services() if service.full_name.startswith("compat.")]
    assert {route.surface.name for route in catalogue.routes()} == {"pictures", "rest"}
    folders = {module.__name__.split(".")[-2] for module in surface_modules(surfaces_of_tasks, "mounts")}
    assert {"native", "rest"} <= folders
    assert not folders & set(COMPATIBLE)


@pytest.mark.usefixtures("none_on")
@pytest.mark.parametrize(
    ("path", "name", "form"),
    [
        ("/api/v1/tools/resize", "snapotter", {"error"}),
        ("/api", "snapotter", {"error"}),
        ("/api/v1/jobs", "pi", {"error"}),
        ("/fal/queue/x", "fal", {"error"}),
        ("/v1-beta1/image/edit", "claid", {"error"}),
        ("/v1/image/edit", "claid", {"code", "message", "data"}),
    ],
)
def test_a_path_of_theirs_is_not_found_and_the_error_says_why(path: str, name: str, form: set[str]) -> None:
    found = next(
        mapper
        for mapper in failures.mappers()
        if not mapper.grpc
        and mapper.low <= 404 <= mapper.high
        and (not mapper.paths or any(re.fullmatch(one, path) for one in mapper.paths))
    )
    assert found.status == 404
    body = json.loads(found.body)
    assert body.keys() == form
    assert f"the compatibility surface {name} is off. The operator switches it on by adding {name} to DARKROOM_SURFACES." in found.body
    assert any(one.off and f"{path}/".startswith(f"{one.prefix}/") for one in routes.remainders())


def test_paths_beside_those_of_a_surface_that_is_off() -> None:
    with catalogue.offering(["snapotter"]):
        owners = {"/v1/images/resize": "rest", "/v1/tasks/1/status": "rest", "/api/v1/jobs": "", "/api/v1/jobsx": "snapotter", "/fal": ""}
        assert {path: getattr(catalogue.surface_at(path), "name", "") for path in owners} == owners
    with catalogue.offering(["pi"]):
        owners = {"/api/v1/jobs/1": "pi", "/api/v1/health": "", "/v1/image/edit": "rest"}
        assert {path: getattr(catalogue.surface_at(path), "name", "") for path in owners} == owners


def test_the_edge_without_them(tmp_path: Path) -> None:
    configuration = render(settings(tmp_path, "")).read_text()
    assert "compat." not in configuration
    pages = {file.name.removesuffix(".gz") for file in (tmp_path / "pages").rglob("*")}
    assert "openapi.json" in pages
    assert not [name for name in pages for surface in COMPATIBLE if name.startswith(f"{surface}-") or name == "openapi.yaml"]
    assert "SnapOtter" not in (tmp_path / "errors.lua").read_text()
    # Only for as long as it renders.
    assert {one.name for one in catalogue.surfaces()} > set(COMPATIBLE)
