"""What the protos say about public services and surfaces."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from services.platform.rpc import catalogue
from services.platform.rpc.catalogue import CatalogueError, HttpBinding
from tests.component.edge.new_surface import surface_added


def test_public_services_are_all_and_only_those_for_clients() -> None:
    names = {service.full_name for service in catalogue.public_services()}
    assert {"darkroom.accounts.v1.AccountsService", "darkroom.files.v1.FilesService", "darkroom.tasks.v1.TasksService"} <= names
    assert {"darkroom.rest.v1.FilesService", "darkroom.rest.v1.ImagesService"} <= names
    assert not [name for name in names if ".internal." in name]


@pytest.mark.parametrize(
    ("path", "surface"),
    [
        ("/v1", "rest"),
        ("/v1/x", "rest"),
        ("/v1?x=/v2", "rest"),
        ("/v1/tasks/1/status", "rest"),
        ("/", ""),
        ("/v10", ""),
        ("/x/v1", ""),
        ("/V1/x", ""),
        ("", ""),
        ("/darkroom.tasks.v1.TasksService/GetTask", "native"),
        ("/api", "snapotter"),
        ("/api/auth/login", "snapotter"),
        ("/api/v1/tools/resize?x=1", "snapotter"),
        ("/api/v1/jobs/1", "pi"),
        ("/api/v1/jobs/1/nothing", "pi"),
        ("/api/v1/jobs", "pi"),
        ("/api/v1/jobsx", "snapotter"),
        ("/api/v1/health", "snapotter"),
        ("/apix", ""),
        ("/compat.snapotter.v1.HealthService/GetHealth", ""),
    ],
)
def test_the_surface_of_a_path(path: str, surface: str) -> None:
    found = catalogue.surface_at(path)
    assert (found.name if found is not None else "") == surface


def test_bindings_of_a_method() -> None:
    services = {service.full_name: service for service in catalogue.public_services()}
    rest = services["darkroom.rest.v1.FilesService"].methods_by_name["CompleteMultipartUpload"]
    assert catalogue.bindings(rest) == (HttpBinding("POST", "/v1/files/{id}/complete", "*"),)
    assert catalogue.bindings(services["darkroom.tasks.v1.TasksService"].methods_by_name["GetTask"]) == ()


def test_services_of_the_gateway_are_public_and_not_called() -> None:
    gateways = {service.full_name for service in set(catalogue.public_services()) - set(catalogue.called_services())}
    assert "compat.snapotter.v1.HealthService" in gateways
    others = {name for name in gateways if not name.startswith("compat.snapotter.")}
    assert others == {"compat.mcp.v1.MessagesService", "darkroom.pictures.v1.PicturesService"}


def test_a_surface_over_http() -> None:
    surface = catalogue.surface("snapotter")
    assert surface.over_http and surface.camel_case
    assert "/api/v1/health" in surface.public_prefixes
    assert ("x-frame-options", "DENY") in surface.reply_headers
    assert {other.name for other in catalogue.surfaces() if other.over_http} == {"mcp", "pictures", "snapotter"}
    assert {other.name for other in catalogue.surfaces() if other.reply_headers} == {"pictures", "snapotter"}
    assert [other.name for other in catalogue.surfaces() if other.camel_case] == ["snapotter"]


def test_the_most_specific_path_wins_over_prefixes(tmp_path: Path) -> None:
    with surface_added("notes", tmp_path):
        owners = {"/v1/tasks/7/notes": "notes", "/v1/tasks/7/notes/": "notes", "/v1/tasks/7": "rest", "/notes/x": "notes"}
        assert {path: getattr(catalogue.surface_at(path), "name", None) for path in owners} == owners


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("astray", "compat.astray.v1.AstrayService: the gateway serves only surfaces that are declared with `over_http`"),
        ("divided", "share the path /v1/tasks/{id}/status, which is the gateway's for all verbs or for none"),
    ],
)
def test_what_the_gateway_cannot_serve(tmp_path: Path, name: str, message: str) -> None:
    with surface_added(name, tmp_path), pytest.raises(CatalogueError, match=re.escape(message)):
        catalogue.routes()
