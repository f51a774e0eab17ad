"""What the protos say about public services and surfaces."""

from __future__ import annotations

import pytest

from services.common.rpc import catalogue
from services.common.rpc.catalogue import HttpBinding


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
    ],
)
def test_the_surface_of_a_path(path: str, surface: str) -> None:
    found = catalogue.surface_at(path)
    assert (found.name if found is not None else "") == surface


def test_bindings_of_a_method() -> None:
    services = {service.full_name: service for service in catalogue.public_services()}
    rest = services["darkroom.rest.v1.FilesService"].methods_by_name["CompleteMultipartUpload"]
    assert catalogue.bindings(rest) == (HttpBinding("POST", "/v1/files/{id}/complete"),)
    assert catalogue.bindings(services["darkroom.tasks.v1.TasksService"].methods_by_name["GetTask"]) == ()
