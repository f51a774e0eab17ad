from collections.abc import Iterator

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import FileDescriptor, ServiceDescriptor

from darkroom.accounts.v1 import accounts_service_pb2
from darkroom.common.v1 import options_pb2, scope_pb2
from darkroom.files.v1 import files_service_pb2
from darkroom.internal.files.v1 import storage_service_pb2
from darkroom.internal.tasks.v1 import attempt_service_pb2
from darkroom.rest.v1 import files_pb2, images_pb2, pdfs_pb2
from darkroom.rest.v1 import tasks_pb2 as pilio_tasks_pb2
from darkroom.tasks.v1 import tasks_service_pb2
from edge.topology import SERVICES
from services.platform.rpc import catalogue
from services.platform.rpc.policy import PolicyTable

PUBLIC = (files_pb2, images_pb2, pdfs_pb2, pilio_tasks_pb2, accounts_service_pb2, files_service_pb2, tasks_service_pb2)
INTERNAL = (storage_service_pb2, attempt_service_pb2)


def _services(files: list[FileDescriptor]) -> Iterator[ServiceDescriptor]:
    for file in files:
        yield from file.services_by_name.values()


def test_every_public_method_needs_an_account() -> None:
    """No method of Darkroom's own APIs may be called without a key, but for those of signing in and out, the logo, theme and language
    that pages have before that, and what a machine does that has a token to join as a worker."""
    anyone = {f"darkroom.accounts.v1.SessionsService.{name}" for name in ("CreateSession", "GetSession", "DeleteSession")}
    anyone |= {"darkroom.accounts.v1.BrandingService.GetLogo", "darkroom.rest.v1.SessionsService.CreateSession"}
    anyone |= {f"darkroom.rest.v1.BrandingService.{name}" for name in ("GetBranding", "GetLogo")}
    anyone |= {"darkroom.rest.v1.WorkersService.JoinWorker"}
    services = [service for name in ("rest", "native") for service in catalogue.services_of(catalogue.surface(name))]
    table = PolicyTable(services)
    for service in services:
        for method in service.methods:
            wanted = options_pb2.ACCESS_ANYONE if method.full_name in anyone else options_pb2.ACCESS_ACCOUNT
            assert table.of(f"/{service.full_name}/{method.name}").access == wanted, method.full_name


def test_every_internal_method_needs_a_service_that_it_names() -> None:
    services = list(_services([module.DESCRIPTOR for module in INTERNAL]))
    table = PolicyTable(services)
    for service in services:
        assert service.full_name.startswith("darkroom.internal.")
        for method in service.methods:
            assert table.of(f"/{service.full_name}/{method.name}").access == options_pb2.ACCESS_SERVICE, method.full_name
            assert set(SERVICES) >= table.of(f"/{service.full_name}/{method.name}").callers, method.full_name


@pytest.mark.parametrize(
    ("access", "callers"), [(options_pb2.ACCESS_SERVICE, []), (options_pb2.ACCESS_ACCOUNT, ["tasks"]), (None, ["tasks"])]
)
def test_callers_go_with_methods_for_services(access: options_pb2.Access.ValueType | None, callers: list[str]) -> None:
    options = descriptor_pb2.MethodOptions()
    options.Extensions[options_pb2.callers].extend(callers)
    if access is not None:
        options.Extensions[options_pb2.access] = access
    with pytest.raises(catalogue.CatalogueError, match=r"made_up\.Service\.Call: the option callers"):
        PolicyTable([_service(descriptor_pb2.ServiceOptions(), options)])


def test_a_service_says_who_may_call_and_a_method_says_otherwise() -> None:
    accounts, services = descriptor_pb2.ServiceOptions(), descriptor_pb2.ServiceOptions()
    accounts.Extensions[options_pb2.default_access] = options_pb2.ACCESS_ACCOUNT
    accounts.Extensions[options_pb2.default_scope] = scope_pb2.SCOPE_TASKS_WRITE
    services.Extensions[options_pb2.default_access] = options_pb2.ACCESS_SERVICE
    services.Extensions[options_pb2.default_callers].append("tasks")
    same, anyone, read, files = (descriptor_pb2.MethodOptions() for _ in range(4))
    anyone.Extensions[options_pb2.access] = options_pb2.ACCESS_ANYONE
    read.Extensions[options_pb2.scope] = scope_pb2.SCOPE_TASKS_READ
    files.Extensions[options_pb2.callers].append("files")

    def rules(service: descriptor_pb2.ServiceOptions, method: descriptor_pb2.MethodOptions) -> tuple[int, int, frozenset[str]]:
        policy = PolicyTable([_service(service, method)]).of("/made_up.Service/Call")
        return policy.access, policy.scope, policy.callers

    nobody: frozenset[str] = frozenset()
    assert rules(accounts, same) == (options_pb2.ACCESS_ACCOUNT, scope_pb2.SCOPE_TASKS_WRITE, nobody)
    assert rules(accounts, read) == (options_pb2.ACCESS_ACCOUNT, scope_pb2.SCOPE_TASKS_READ, nobody)
    # The scope is one of accounts' keys, and the callers are services.
    assert rules(accounts, anyone) == (options_pb2.ACCESS_ANYONE, scope_pb2.SCOPE_UNSPECIFIED, nobody)
    assert rules(services, same) == (options_pb2.ACCESS_SERVICE, scope_pb2.SCOPE_UNSPECIFIED, {"tasks"})
    assert rules(services, files) == (options_pb2.ACCESS_SERVICE, scope_pb2.SCOPE_UNSPECIFIED, {"files"})
    assert rules(services, anyone) == (options_pb2.ACCESS_ANYONE, scope_pb2.SCOPE_UNSPECIFIED, nobody)
    assert rules(descriptor_pb2.ServiceOptions(), same) == (options_pb2.ACCESS_UNSPECIFIED, scope_pb2.SCOPE_UNSPECIFIED, nobody)


def _service(service: descriptor_pb2.ServiceOptions, method: descriptor_pb2.MethodOptions) -> ServiceDescriptor:
    call = descriptor_pb2.MethodDescriptorProto(name="Call", input_type=".made_up.Empty", output_type=".made_up.Empty", options=method)
    file = descriptor_pb2.FileDescriptorProto(
        name="made_up.proto",
        package="made_up",
        message_type=[descriptor_pb2.DescriptorProto(name="Empty")],
        service=[descriptor_pb2.ServiceDescriptorProto(name="Service", method=[call], options=service)],
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool.FindServiceByName("made_up.Service")


def test_unknown_methods_are_denied() -> None:
    assert PolicyTable([]).of("/darkroom.tasks.v1.TasksService/CreateTask").access == options_pb2.ACCESS_UNSPECIFIED


def test_a_public_method_belongs_to_a_surface_and_an_internal_one_to_none() -> None:
    table = PolicyTable(_services([module.DESCRIPTOR for module in (*PUBLIC, *INTERNAL)]))
    assert table.of("/darkroom.rest.v1.FilesService/GetFile").surface is catalogue.surface("rest")
    assert table.of("/darkroom.files.v1.FilesService/GetFile").surface is catalogue.surface("native")
    assert table.of("/darkroom.internal.files.v1.StorageService/UnpinFiles").surface is None
