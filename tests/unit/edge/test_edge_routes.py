"""Routes are derived from the protos."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from darkroom.common.v1 import options_pb2
from darkroom.field_rules import is_required
from darkroom.internal.tasks.v1 import attempt_service_pb2
from darkroom.rest.v1 import tasks_pb2
from edge import routes
from services.platform.rpc import catalogue
from services.platform.rpc.path_templates import PathTemplate
from tests.component.edge.new_surface import surface_added


def test_every_public_service_has_exactly_one_route_and_internal_ones_and_the_gateways_none() -> None:
    found = [route.service for route in routes.service_routes()]
    assert found == [service.full_name for service in catalogue.public_services() if catalogue.served_by(service) != "gateway"]
    assert not [service for service in found if service.startswith("compat.snapotter")]
    assert not [service for service in found if service.startswith("darkroom.internal")]
    assert "darkroom.tasks.v1.TasksService" in found


def test_streams_and_reads() -> None:
    by_name = {route.service: route for route in routes.service_routes()}
    tasks = by_name["darkroom.tasks.v1.TasksService"]
    assert tasks.streams == ("WatchTask",)
    assert set(tasks.reads) == {"GetTask", "ListTasks"}
    assert tasks.waits == ("GetTask",)
    assert (tasks.upstream, tasks.is_transcoded) == ("tasks", False)
    rest = by_name["darkroom.rest.v1.TasksService"]
    assert set(rest.reads) == {"GetTaskStatus", "GetTaskResult", "ListTasks"}
    assert set(rest.waits) == {"GetTaskStatus", "GetTaskResult"}
    assert (rest.upstream, rest.is_transcoded) == ("tasks", True)
    assert by_name["darkroom.rest.v1.FilesService"].upstream == "files"


def test_a_service_that_nobody_serves_is_an_error() -> None:
    service = attempt_service_pb2.DESCRIPTOR.services_by_name["AttemptService"]
    with pytest.raises(LookupError, match=re.escape(service.full_name)):
        catalogue.served_by(service)


def test_what_reads_says_so() -> None:
    """GET is safe by HTTP (RFC 9110, 9.2.1), and a native method that is named so has no side effects (AIP-131, AIP-132)."""
    for service in catalogue.public_services():
        for method in service.methods:
            bound = catalogue.bindings(method)
            reads = all(binding.verb == "GET" for binding in bound) if bound else method.name.startswith(("Get", "List", "Watch"))
            assert catalogue.is_read(method) == reads, method.full_name


def test_known_paths() -> None:
    verbs = {path.regex: path.verbs for path in routes.known_paths()}
    assert verbs["/v1/tasks/[^/]+/status"] == ("GET",)
    assert verbs[r"/v1/files/batch\-create"] == ("POST",)


def test_a_group_holds_every_path_that_a_request_which_begins_like_it_can_mean() -> None:
    paths = routes.paths()
    groups = routes.path_groups(paths, routes.remainders())
    assert "/v1/tasks" in groups and "" not in groups
    for route in catalogue.routes():
        example = re.sub(r"\*+", "x", route.template.shape)
        first = next((path for path in paths if re.fullmatch(f"{path.regex}/?", example)), None)
        own = groups[max((prefix for prefix in groups if example.startswith(prefix)), key=len)]
        assert next((path for path in own.paths if re.fullmatch(f"{path.regex}/?", example)), None) == first
        if first is None:
            left = next(one for one in own.remainders if f"{example}/".startswith(f"{one.prefix}/"))
            assert left.handed_on and catalogue.is_over_http(route.method.containing_service)


def test_a_text_that_others_have_a_variable_for_has_their_paths_too() -> None:
    below, named, elsewhere = (routes.KnownPath(PathTemplate(text).regex, {}) for text in ("/a/{b}", "/a/c-d/e", "/f"))
    groups = routes.path_groups([named, below, elsewhere])
    assert {prefix: group.paths for prefix, group in groups.items()} == {"/a": [below], "/a/c-d": [named, below], "/f": [elsewhere]}


def test_what_is_left_below_a_prefix_that_the_gateway_answers() -> None:
    """What another surface has below it comes first."""
    left = routes.remainders()
    assert [(one.prefix, one.keyless) for one in left if one.handed_on] == [("/api", False), ("/mcp", False), ("/i", True)]
    assert {one.prefix for one in left if not one.handed_on} == set(catalogue.surface("pi").path_prefixes)
    groups = routes.path_groups(routes.paths(), left)
    below = [one for one in left if one.prefix.startswith("/api")]
    assert groups["/api"].paths == [] and groups["/api"].remainders == groups["/api/v1"].remainders == below
    others = [one.prefix for group in groups if not group.startswith("/api") for one in groups[group].remainders]
    assert sorted(others) == ["/i", "/mcp"]


def test_paths_of_the_gateways_apart_from_its_prefixes(tmp_path: Path) -> None:
    with surface_added("notes", tmp_path):
        apart = [path for path in routes.paths() if isinstance(path, routes.HandedOnPath) and "notes" in path.regex]
        assert apart == [routes.HandedOnPath("/v1/tasks/[^/]+/notes", streams=True, late=False)]
        assert apart[0].prefix == "/v1/tasks"
        assert apart[0] in routes.path_groups(routes.paths(), routes.remainders())["/v1/tasks"].paths
        assert [one.prefix for one in routes.remainders() if one.handed_on] == ["/notes", "/api", "/mcp", "/i"]
        prefixes = {download.surface: download.prefixes for download in routes.downloads()}
        assert prefixes == {"mcp": "/mcp", "notes": "/notes", "pictures": "/i", "snapotter": "/api"}


def test_a_path_without_variables_goes_before_one_that_it_would_match() -> None:
    first = next(path for path in routes.known_paths() if re.fullmatch(path.regex, "/v1/files/batch-create"))
    assert first.verbs == ("POST",)


def test_where_lists_without_items_are_left_out_no_other_list_is_ever_empty() -> None:
    """Envoy prints all or none of them in one reply."""
    treatments = [(path.regex, verb, how) for path in routes.known_paths() for how, verbs in path.treatments.items() for verb in verbs]
    leaving_out = {(regex, verb) for regex, verb, how in treatments if how.leaves_lists_out}
    creating = {route.template.regex for route in catalogue.routes() if route.method.output_type is tasks_pb2.TaskCreateEnvelope.DESCRIPTOR}
    assert {regex for regex, _ in leaving_out if regex.startswith("/v1/")} == {
        r"/v1/files/batch\-create",
        "/v1/keys",
        "/v1/keys/[^/]+",
        "/v1/keys/[^/]+/rotate",
        *creating,
    }
    for service in catalogue.public_services():
        for method in service.methods:
            if any((PathTemplate(binding.template).regex, binding.verb) in leaving_out for binding in catalogue.bindings(method)):
                for field in catalogue.lists_in(method.output_type):
                    options = field.GetOptions()
                    assert options.Extensions[options_pb2.absent_when_empty] or is_required(field), field.full_name


def test_replies_that_are_late_have_routes_of_their_own() -> None:
    late = [path.regex for path in routes.paths() if isinstance(path, routes.HandedOnPath) and path.late]
    assert late == ["/api/v1/pipeline/batch", "/api/v1/tools/ocr", "/api/v1/tools/[^/]+/batch"]
