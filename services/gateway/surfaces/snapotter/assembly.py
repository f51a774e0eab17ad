"""How the surface fits together: which handler answers which method."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from darkroom.common.v1 import options_pb2
from services.gateway.contents import Contents
from services.gateway.logos import LogoMaker
from services.gateway.surfaces.parts import GatewayParts
from services.gateway.surfaces.snapotter.batches.archives import Archives
from services.gateway.surfaces.snapotter.batches.batches import Batches
from services.gateway.surfaces.snapotter.calls.background import BackgroundCalls
from services.gateway.surfaces.snapotter.calls.downloads import Downloads
from services.gateway.surfaces.snapotter.calls.task_events import TaskEvents
from services.gateway.surfaces.snapotter.calls.tool_calls import ToolCalls
from services.gateway.surfaces.snapotter.calls.uploads import Uploads
from services.gateway.surfaces.snapotter.endpoints import Endpoint, EndpointFactory
from services.gateway.surfaces.snapotter.forms import FormRules, Forms
from services.gateway.surfaces.snapotter.installation.enabled_tools import EnabledTools
from services.gateway.surfaces.snapotter.installation.features import Features, InstallationEvents
from services.gateway.surfaces.snapotter.installation.logo import Logo
from services.gateway.surfaces.snapotter.installation.shared_settings import SharedSettings
from services.gateway.surfaces.snapotter.jobs.ids import JobIds
from services.gateway.surfaces.snapotter.jobs.jobs import Jobs
from services.gateway.surfaces.snapotter.jobs.progress import Progress
from services.gateway.surfaces.snapotter.library.calls import LibraryCalls
from services.gateway.surfaces.snapotter.library.library import Library
from services.gateway.surfaces.snapotter.library.saved_results import SavedResults
from services.gateway.surfaces.snapotter.library.thumbnails import LibraryThumbnails
from services.gateway.surfaces.snapotter.people.audit import Audit
from services.gateway.surfaces.snapotter.people.people import People
from services.gateway.surfaces.snapotter.people.roles import Roles, Teams
from services.gateway.surfaces.snapotter.pipelines.pipelines import Pipelines
from services.gateway.surfaces.snapotter.pipelines.reader import PipelineReader
from services.gateway.surfaces.snapotter.pipelines.runs import PipelineRuns
from services.gateway.surfaces.snapotter.pipelines.task_plans import TaskPlans
from services.gateway.surfaces.snapotter.runs import SURFACE, Runs
from services.gateway.surfaces.snapotter.settings import SnapOtterSettings
from services.gateway.surfaces.snapotter.status import Status
from services.gateway.surfaces.snapotter.tools.context import ToolContext, serve_own
from services.gateway.surfaces.snapotter.tools.registry import TOOLS
from services.platform.rpc import catalogue

Endpoints = Mapping[str, Endpoint]
"""By the full name of the method."""
JOB_IDS = "snapotter job ids"
"""The purpose of the secret of the ids, for its derivation."""
_TOOL_PATHS = "/api/v1/tools/"


def assemble(parts: GatewayParts, factory: EndpointFactory, settings: SnapOtterSettings) -> Endpoints:
    """Every endpoint of the surface."""
    caller = parts.caller
    ids, runs = JobIds(parts.derived_secret(JOB_IDS)), Runs(parts.runs, parts.storage, caller)
    rules = FormRules(settings.max_batch_size, settings.most_bytes, settings.most_svg_bytes, parts.forms_at_once, parts.forms_at_once_each)
    forms, contents = Forms(parts.receiver, rules), Contents(parts.storage, caller, parts.http)
    jobs = Jobs(parts.bus)
    features = Features(parts.backend, ids)
    tasks = TaskEvents(ids, runs, contents, TOOLS)
    sources = (tasks, InstallationEvents(ids, features))
    progress = Progress(jobs, tasks, sources, settings.sse_heartbeat, settings.progress_streams, parts.streams)
    status = Status(parts.runs, caller, auth_enabled=settings.auth_enabled)
    people, downloads = People(parts.backend, auth_enabled=settings.auth_enabled), Downloads(ids, runs, parts.intake, caller)
    uploads = Uploads(forms, runs, contents, ids, parts.intake, caller)
    library_calls = LibraryCalls(parts.backend)
    library = Library(forms, library_calls)
    thumbnails = LibraryThumbnails(library, library_calls)
    calls = ToolCalls(forms, runs, ids, jobs, SavedResults(library_calls))
    shared, enabled = SharedSettings(parts.backend), EnabledTools(parts.settings, caller)
    background = BackgroundCalls(forms, runs, ids, jobs)
    reader = PipelineReader(TOOLS, enabled, features, settings.max_pipeline_steps)
    archives = Archives(contents)
    batches = Batches(forms, runs, jobs, archives, settings.jobs_at_once, reader)
    context = ToolContext(forms, calls, background, contents, runs, ids, jobs, archives, batches, settings)
    maker = LogoMaker(parts.receiver, parts.runs, contents, caller)
    logo = Logo(parts.receiver, maker, parts.backend, settings.max_logo_size_kb)
    roles, teams = Roles(parts.backend), Teams(parts.backend)
    pipelines, pipeline_runs = Pipelines(parts.backend, reader), PipelineRuns(forms, runs, ids, jobs, reader)
    handlers = {
        "GetHealth": status.health,
        "GetAuthConfig": status.auth,
        "GetAnalyticsConfig": status.analytics,
        "Login": people.login,
        "Logout": people.logout,
        "GetSession": people.session,
        "Download": downloads.serve,
        "WatchJob": progress.watch,
        "GetLogo": logo.show,
    }
    known = {
        "ChangePassword": people.change_password,
        "SetAnalytics": people.set_analytics,
        "CreateApiKey": people.create_key,
        "ListApiKeys": people.list_keys,
        "DeleteApiKey": people.delete_key,
        "Upload": uploads.upload,
        "Preview": uploads.preview,
        "RunBatch": batches.of_tool,
        "RunPipelineBatch": batches.of_pipeline,
        "ListFiles": library.list_files,
        "UploadFiles": library.upload,
        "SaveResult": library.save_result,
        "GetFile": library.get,
        "GetContent": library.download,
        "GetThumbnail": thumbnails.serve,
        "DeleteFiles": library.delete,
        "DeleteFile": library.delete_one,
        "ListSettings": shared.all,
        "GetSetting": shared.one,
        "ExecutePipeline": pipeline_runs.execute,
        "PlanPipeline": TaskPlans(reader, settings.max_pdf_pages).plan,
        "SavePipeline": pipelines.save,
        "ListPipelines": pipelines.list_saved,
        "ListPipelineTools": pipelines.tools,
        "DeletePipeline": pipelines.delete,
        "ListFeatures": features.list_features,
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
        "UpdateSettings": (shared.change, "settings:write"),
        "UpdateSetting": (shared.change_one, "settings:write"),
        "UploadLogo": (logo.upload, "branding:manage"),
        "DeleteLogo": (logo.delete, "branding:manage"),
        "InstallFeature": (features.install, "features:manage"),
        "UninstallFeature": (features.uninstall, "features:manage"),
        "GetFeatureUsage": (features.usage, "features:manage"),
    }
    found = dict(_tools(factory, context, features, enabled))
    for route in catalogue.routes():
        method = route.method
        if route.surface.name != SURFACE or method.full_name in found:
            continue
        path = f"/{method.full_name.rpartition('.')[0]}/{method.name}"
        if method.name in handlers:
            found[method.full_name] = factory.anyone(path, handlers[method.name])
        elif method.name in managing:
            found[method.full_name] = factory.signed_in(path, *managing[method.name])
        else:
            found[method.full_name] = factory.signed_in(path, known[method.name])
    return found


def _tools(factory: EndpointFactory, context: ToolContext, features: Features, enabled: EnabledTools) -> Endpoints:
    found: dict[str, Endpoint] = {}
    for route in catalogue.routes():
        method = route.method
        if not method.GetOptions().Extensions[options_pb2.settings_part] or not route.template.text.startswith(_TOOL_PATHS):
            continue
        tool_id, _, step = route.template.text.removeprefix(_TOOL_PATHS).partition("/")
        # A step of a tool may be a tool of its own.
        tool = TOOLS.get(f"{tool_id}-{step}" if step else tool_id)
        tool, own = (TOOLS[tool_id], TOOLS[tool_id].steps[step]) if tool is None else (tool, tool.serve)
        if own is not None:
            serve = partial(serve_own, context, own, tool)
        else:
            serve = partial(context.background.serve if tool.result is not None else context.calls.serve, tool)
        path = f"/{method.containing_service.full_name}/{method.name}"
        found[method.full_name] = factory.signed_in(path, enabled.only(tool_id, features.only(tool, serve)))
    return found
