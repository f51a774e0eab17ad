"""How the surface fits together: which handler answers which method."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from compat.snapotter.v1 import audit_pb2, files_pb2, health_pb2, library_pb2, people_pb2, roles_pb2
from darkroom.common.v1 import options_pb2
from services.common.rpc import catalogue
from services.gateway.surfaces.parts import GatewayParts
from services.gateway.surfaces.snapotter.audit import Audit
from services.gateway.surfaces.snapotter.contents import Contents
from services.gateway.surfaces.snapotter.door import Door, Endpoint
from services.gateway.surfaces.snapotter.downloads import Downloads
from services.gateway.surfaces.snapotter.forms import FormRules, Forms
from services.gateway.surfaces.snapotter.job_ids import JobIds
from services.gateway.surfaces.snapotter.library import Library
from services.gateway.surfaces.snapotter.library_calls import LibraryCalls
from services.gateway.surfaces.snapotter.own_tools import OwnTools
from services.gateway.surfaces.snapotter.people import People
from services.gateway.surfaces.snapotter.progress import Progress
from services.gateway.surfaces.snapotter.roles import Roles
from services.gateway.surfaces.snapotter.runs import Runs
from services.gateway.surfaces.snapotter.saved_results import SavedResults
from services.gateway.surfaces.snapotter.settings import SnapOtterSettings
from services.gateway.surfaces.snapotter.status import Status
from services.gateway.surfaces.snapotter.teams import Teams
from services.gateway.surfaces.snapotter.thumbnails import LibraryThumbnails
from services.gateway.surfaces.snapotter.tool_calls import Ended, ToolCalls
from services.gateway.surfaces.snapotter.tools.catalogue import all_tools
from services.gateway.surfaces.snapotter.uploads import Uploads

Endpoints = Mapping[str, Endpoint]
"""By the full name of the method."""
JOB_IDS = "snapotter job ids"
"""What the secret of the ids is derived for."""
_TOOLS = "/api/v1/tools/"


def assemble(parts: GatewayParts, door: Door, settings: SnapOtterSettings) -> Endpoints:
    """Every endpoint of the surface."""
    caller = parts.caller
    ids, runs = JobIds(parts.derived_secret(JOB_IDS)), Runs(parts.runs, parts.storage, caller)
    rules = FormRules(settings.max_batch_size, settings.most_bytes, settings.most_svg_bytes, parts.forms_at_once, parts.forms_at_once_each)
    forms, contents = Forms(parts.receiver, rules), Contents(parts.storage, caller, parts.http)
    progress = Progress(parts.bus, settings.sse_heartbeat, settings.progress_streams, Ended(ids, runs).of)
    status = Status(parts.runs, caller, auth_enabled=settings.auth_enabled)
    people, downloads = People(parts.backend, auth_enabled=settings.auth_enabled), Downloads(ids, runs, parts.intake, caller)
    uploads = Uploads(forms, runs, contents, ids, parts.intake, caller)
    library_calls = LibraryCalls(parts.backend)
    library = Library(forms, library_calls)
    thumbnails = LibraryThumbnails(library, runs, parts.receiver, parts.shelf, caller)
    calls = ToolCalls(forms, runs, ids, progress, SavedResults(library_calls))
    own = OwnTools(forms, calls, contents)
    roles, teams = Roles(parts.backend), Teams(parts.backend)
    handlers = {
        "GetHealth": status.health,
        "GetAuthConfig": status.auth,
        "GetAnalyticsConfig": status.analytics,
        "Login": people.login,
        "Logout": people.logout,
        "GetSession": people.session,
        "Download": downloads.serve,
        "WatchJob": progress.watch,
    }
    known = {
        "ChangePassword": people.change_password,
        "SetAnalytics": people.set_analytics,
        "CreateApiKey": people.create_key,
        "ListApiKeys": people.list_keys,
        "DeleteApiKey": people.delete_key,
        "Upload": uploads.upload,
        "Preview": uploads.preview,
        "ListFiles": library.list_files,
        "UploadFiles": library.upload,
        "SaveResult": library.save_result,
        "GetFile": library.get,
        "GetContent": library.download,
        "GetThumbnail": thumbnails.serve,
        "DeleteFiles": library.delete,
        "DeleteFile": library.delete_one,
    }
    managing = {
        "ListUsers": (people.list_users, "users:manage"),
        "Register": (people.register, "users:manage"),
        "UpdateUser": (people.update_user, "users:manage"),
        "ResetPassword": (people.reset_password, "users:manage"),
        "DeleteUser": (people.delete_user, "users:manage"),
        "ListRoles": (roles.list_roles, "audit:read"),
        "CreateRole": (roles.create, "users:manage"),
        "UpdateRole": (roles.update, "users:manage"),
        "DeleteRole": (roles.delete, "users:manage"),
        "ListAuditLog": (Audit(parts.backend).list_entries, "audit:read"),
        "ListTeams": (teams.list_teams, "teams:manage"),
        "CreateTeam": (teams.create, "teams:manage"),
        "UpdateTeam": (teams.update, "teams:manage"),
        "DeleteTeam": (teams.delete, "teams:manage"),
        "GetAdminHealth": (status.admin_health, "system:health"),
    }
    found: dict[str, Endpoint] = {}
    for file in (audit_pb2, files_pb2, health_pb2, library_pb2, people_pb2, roles_pb2):
        for service in file.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                path = f"/{service.full_name}/{method.name}"
                if method.name in handlers:
                    found[method.full_name] = door.anyone(path, handlers[method.name])
                elif method.name in managing:
                    found[method.full_name] = door.known(path, *managing[method.name])
                else:
                    found[method.full_name] = door.known(path, known[method.name])
    return {**found, **_tools(door, calls, own)}


def _tools(door: Door, calls: ToolCalls, own: OwnTools) -> Endpoints:
    found: dict[str, Endpoint] = {}
    tools = all_tools()
    for route in catalogue.routes():
        method = route.method
        if not method.GetOptions().Extensions[options_pb2.settings_part] or not route.template.text.startswith(_TOOLS):
            continue
        tool_id, _, step = route.template.text.removeprefix(_TOOLS).partition("/")
        path = f"/{method.containing_service.full_name}/{method.name}"
        handler = own.of(tool_id, step)
        # A step may do something else than its tool.
        tool = tools.get(f"{tool_id}-{step}") or tools[tool_id]
        found[method.full_name] = door.known(path, partial(handler or calls.serve, tool))
    return found
