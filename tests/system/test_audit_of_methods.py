"""Each method that changes something that is administered is called once through the public port, and has entered it."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable

import grpc
import pytest

from darkroom import AsyncClient
from darkroom.operations.v1 import noop_pb2, operation_pb2
from tests.stacks import Account, StackUnderTest
from tests.system.audit_calls import Calls
from tests.system.holding import held
from tests.system.pictures import disc, encoded
from tests.system.snapotter import PASSWORD, SnapOtter, form_of, new_name
from tests.system.test_snapotter_logo import sent as logo_sent

FIRST, SECOND = "First-Password-1", "Second-Password-2"
PICTURE = encoded(disc(64, 48), "PNG")
LOGO = base64.b64encode(PICTURE).decode()
HOOK = "http://127.0.0.1:1/in?token=s3same"
NOOP = operation_pb2.Operation(noop=noop_pb2.Noop())
RESIZE = [{"resize": {"width": 40}}]
TEXT = "A value that is not short. " * 40
Opened = Callable[..., Calls]


@pytest.fixture
async def opened(stack: StackUnderTest, admin: SnapOtter) -> AsyncIterator[Opened]:
    """Calls of a package, read by the administrator, or by another."""
    secrets = {FIRST, SECOND, PASSWORD, "s3same", LOGO, TEXT}
    yield lambda package, reader=admin.token: Calls(stack.url, reader, admin.http, package, secrets=set(secrets))


async def test_people_of_rest(opened: Opened, admin: SnapOtter) -> None:
    calls, me, name = opened("darkroom.rest.v1"), admin.token, new_name()
    team = (await calls.http_call("TeamsService.CreateTeam", me, "POST", "/v1/teams", {"name": name}))["data"]["id"]
    await calls.http_call("TeamsService.ReplaceTeam", me, "PUT", f"/v1/teams/{team}", {"name": f"{name}-2"})
    await calls.http_call("TeamsService.DeleteTeam", me, "DELETE", f"/v1/teams/{team}")
    made = await calls.http_call("RolesService.CreateRole", me, "POST", "/v1/roles", {"name": name, "permissions": ["files:own"]})
    role = f"/v1/roles/{made['data']['id']}"
    await calls.http_call("RolesService.ReplaceRole", me, "PUT", role, {"name": name, "permissions": ["tools:use"]})
    await calls.http_call("RolesService.DeleteRole", me, "DELETE", role)
    body: dict[str, object] = {"name": name, "password": FIRST, "role": "editor"}
    user = f"/v1/users/{(await calls.http_call('UsersService.CreateUser', me, 'POST', '/v1/users', body))['data']['user']['id']}"
    await calls.http_call("UsersService.UpdateUser", me, "PATCH", user, {"role": "user"})
    link = await calls.http_call("UsersService.CreateSignInLink", me, "POST", f"{user}/sign-in-link", {})
    await calls.http_call("UsersService.ResetPassword", me, "POST", f"{user}/reset-password", {"new_password": SECOND})
    body = {"user_name": name, "password": SECOND}
    theirs = (await calls.http_call("SessionsService.CreateSession", "", "POST", "/v1/sessions", body))["data"]["token"]
    body = {"current_password": SECOND, "new_password": PASSWORD}
    await calls.http_call("SessionsService.ChangePassword", theirs, "POST", "/v1/sessions/current/password", body)
    key = (await calls.http_call("UserKeysService.CreateUserKey", theirs, "POST", "/v1/me/keys", {"name": "ci"}))["data"]
    await calls.http_call("UserKeysService.DeleteUserKey", theirs, "DELETE", f"/v1/me/keys/{key['key']['id']}")
    await calls.http_call("SessionsService.DeleteSession", theirs, "DELETE", "/v1/sessions/current")
    await calls.http_call("UsersService.DeleteUser", me, "DELETE", user)
    for values in ({name: TEXT, f"{name}-secret": "s3same"}, {name: "short", f"{name}-secret": "s3same too"}):
        body = {"settings": [{"name": one, "value": value} for one, value in values.items()]}
        await calls.http_call("SettingsService.UpdateSettings", me, "PATCH", "/v1/settings", body)
    await admin.call("PATCH", "/v1/settings", {"removed": [name, f"{name}-secret"]})
    for rpc, bundle, action in (("InstallBundle", "ocr", "install"), ("UninstallBundle", "photo-restoration", "uninstall")):
        await calls.http_call(f"BundlesService.{rpc}", me, "POST", f"/v1/bundles/{bundle}/{action}", status=409)
    calls.secrets |= {theirs, key["secret"], link["data"]["token"]}
    await calls.check("Teams", "Roles", "Users", "Sessions", "UserKeys", "Settings", "Bundles")


async def test_people_of_the_native_api(opened: Opened, admin: SnapOtter) -> None:
    calls, me, name = opened("darkroom.accounts.v1"), admin.token, new_name()
    team = (await calls.native("TeamsService.CreateTeam", me, name=name))["team"]["id"]
    await calls.native("TeamsService.UpdateTeam", me, team_id=team, name=f"{name}-2")
    await calls.native("TeamsService.DeleteTeam", me, team_id=team)
    role = (await calls.native("RolesService.CreateRole", me, name=name, permissions=["files:own"]))["role"]["id"]
    await calls.native("RolesService.UpdateRole", me, role_id=role, description="Looks")
    await calls.native("RolesService.DeleteRole", me, role_id=role)
    link = await calls.native("UsersService.InviteUser", me, user_name=f"{name}-2", role="user")
    await calls.native("UsersService.DeleteUser", me, user_id=link["user"]["id"])
    user = (await calls.native("UsersService.CreateUser", me, user_name=name, password=FIRST, role="editor"))["user"]["id"]
    await calls.native("UsersService.UpdateUser", me, user_id=user, role="user")
    await calls.native("UsersService.CreateSignInLink", me, user_id=user)
    await calls.native("UsersService.ResetPassword", me, user_id=user, new_password=SECOND)
    theirs = (await calls.native("SessionsService.CreateSession", "", user_name=name, password=SECOND))["token"]
    await calls.native("SessionsService.ChangePassword", theirs, current_password=SECOND, new_password=PASSWORD)
    await calls.native("SessionsService.SetAnalyticsChoice", theirs, enabled=True)
    key = await calls.native("UserKeysService.CreateUserKey", theirs, name="ci")
    await calls.native("UserKeysService.DeleteUserKey", theirs, user_key_id=key["user_key"]["id"])
    await calls.native("SessionsService.DeleteSession", theirs)
    await calls.native("UsersService.DeleteUser", me, user_id=user)
    for value in (TEXT, "short"):
        await calls.native("SettingsService.UpdateSettings", me, values={name: value})
    await calls.native("SettingsService.UpdateSettings", me, values={f"{name}-2": "2"}, removed=[name])
    await admin.call("PATCH", "/v1/settings", {"removed": [f"{name}-2"]})
    for rpc, bundle in (("InstallBundle", "ocr"), ("UninstallBundle", "photo-restoration")):
        await calls.native(f"FeaturesService.{rpc}", me, refused=grpc.StatusCode.FAILED_PRECONDITION, bundle_id=bundle)
    calls.secrets |= {theirs, key["secret"], link["sign_in_link"]["url"].rpartition("/")[2]}
    await calls.check("Teams", "Roles", "Users", "Sessions", "UserKeys", "Settings", "Features")


async def test_people_of_snapotter(opened: Opened, admin: SnapOtter) -> None:
    calls, me, name = opened("compat.snapotter.v1"), admin.token, new_name()
    team = (await calls.http_call("TeamsService.CreateTeam", me, "POST", "/api/v1/teams", {"name": name}, status=201))["id"]
    await calls.http_call("TeamsService.UpdateTeam", me, "PUT", f"/api/v1/teams/{team}", {"name": f"{name}-2"})
    await calls.http_call("TeamsService.DeleteTeam", me, "DELETE", f"/api/v1/teams/{team}")
    body: dict[str, object] = {"name": name, "permissions": ["files:own"]}
    role = (await calls.http_call("RolesService.CreateRole", me, "POST", "/api/v1/roles", body, status=201))["id"]
    await calls.http_call("RolesService.UpdateRole", me, "PUT", f"/api/v1/roles/{role}", {"permissions": ["tools:use"]})
    await calls.http_call("RolesService.DeleteRole", me, "DELETE", f"/api/v1/roles/{role}")
    body = {"username": name, "password": FIRST, "role": "editor"}
    made = await calls.http_call("UsersService.Register", me, "POST", "/api/auth/register", body, status=201)
    user = f"/api/auth/users/{made['id']}"
    await calls.http_call("UsersService.UpdateUser", me, "PUT", user, {"role": "user"})
    await calls.http_call("UsersService.ResetPassword", me, "POST", f"{user}/reset-password", {"newPassword": SECOND})
    body = {"username": name, "password": SECOND}
    theirs = (await calls.http_call("AuthService.Login", "", "POST", "/api/auth/login", body))["token"]
    body = {"currentPassword": SECOND, "newPassword": PASSWORD}
    await calls.http_call("AuthService.ChangePassword", theirs, "POST", "/api/auth/change-password", body)
    await calls.http_call("AuthService.SetAnalytics", theirs, "PUT", "/api/v1/user/analytics", {"enabled": True})
    key = await calls.http_call("ApiKeysService.CreateApiKey", theirs, "POST", "/api/v1/api-keys", {"name": "ci"}, status=201)
    await calls.http_call("ApiKeysService.DeleteApiKey", theirs, "DELETE", f"/api/v1/api-keys/{key['id']}")
    steps = [{"toolId": "resize", "settings": {"width": 20}}]
    body = {"name": name, "steps": steps}
    pipeline = (await calls.http_call("PipelinesService.SavePipeline", theirs, "POST", "/api/v1/pipeline/save", body, status=201))["id"]
    await calls.http_call("PipelinesService.DeletePipeline", theirs, "DELETE", f"/api/v1/pipeline/{pipeline}")
    form, kind = form_of(("file", PICTURE, "photo.png"))
    sent = {"content": form, "headers": {"content-type": kind}}
    await calls.http_call("FilesService.Upload", theirs, "POST", "/api/v1/upload", **sent)
    files = "/api/v1/files"
    first = (await calls.http_call("LibraryService.UploadFiles", theirs, "POST", f"{files}/upload", status=201, **sent))["files"][0]["id"]
    second = (await calls.http_call("LibraryService.UploadFiles", theirs, "POST", f"{files}/upload", status=201, **sent))["files"][0]["id"]
    form, kind = form_of(("file", PICTURE, "photo.png"), ("parentId", first))
    sent = {"content": form, "headers": {"content-type": kind}}
    await calls.http_call("LibraryService.SaveResult", theirs, "POST", f"{files}/save-result", status=201, **sent)
    await calls.http_call("LibraryService.DeleteFiles", theirs, "DELETE", files, {"ids": [first]})
    await calls.http_call("LibraryService.DeleteFile", theirs, "DELETE", f"{files}/{second}")
    await calls.http_call("AuthService.Logout", theirs, "POST", "/api/auth/logout")
    await calls.http_call("UsersService.DeleteUser", me, "DELETE", user)
    for value in ("1", "2"):
        await calls.http_call("SettingsService.UpdateSettings", me, "PUT", "/api/v1/settings", {name: value})
        await calls.http_call("SettingsService.UpdateSetting", me, "PUT", f"/api/v1/settings/{name}", {"value": f"{value}{value}"})
    await admin.call("PATCH", "/v1/settings", {"removed": [name]})
    for rpc, path in (("InstallFeature", "ocr/install"), ("UninstallFeature", "photo-restoration/uninstall")):
        await calls.http_call(f"FeaturesService.{rpc}", me, "POST", f"/api/v1/admin/features/{path}", status=409)
    calls.secrets |= {theirs, key["key"]}
    services = ("Teams", "Roles", "Users", "Auth", "ApiKeys", "Pipelines", "Files", "Library", "Settings", "Features")
    await calls.check(*services)


@pytest.mark.xdist_group("logo")
async def test_logos(opened: Opened, admin: SnapOtter) -> None:
    me, path = admin.token, "/api/v1/settings/logo"
    native, rest, snapotter = (opened(package) for package in ("darkroom.accounts.v1", "darkroom.rest.v1", "compat.snapotter.v1"))
    await native.native("BrandingService.UpdateLogo", me, png=LOGO)
    await native.native("BrandingService.DeleteLogo", me)
    await rest.http_call("BrandingService.ReplaceLogo", me, "POST", "/v1/branding/logo", {"png": LOGO})
    await rest.http_call("BrandingService.DeleteLogo", me, "DELETE", "/v1/branding/logo")
    form, headers = logo_sent(PICTURE)
    await snapotter.http_call("BrandingService.UploadLogo", me, "POST", path, content=form, headers=headers)
    await snapotter.http_call("BrandingService.DeleteLogo", me, "DELETE", path)
    for calls in (native, rest, snapotter):
        await calls.check("Branding")


async def test_an_account_by_rest(opened: Opened, stack: StackUnderTest, account: Account, native: AsyncClient) -> None:
    me, calls = account.api_key, opened("darkroom.rest.v1", account.api_key)
    key = (await calls.http_call("KeysService.CreateKey", me, "POST", "/v1/keys", {"name": "ci"}))["data"]
    path = f"/v1/keys/{key['key']['id']}"
    new = (await calls.http_call("KeysService.RotateKey", me, "POST", f"{path}/rotate", {}))["data"]
    await calls.http_call("KeysService.RevokeKey", me, "DELETE", path)
    default = (await calls.http_call("WebhooksService.GetDefaultWebhookSecret", me, "GET", "/v1/webhook-secret"))["data"]["secret"]
    hook = (await calls.http_call("WebhooksService.CreateWebhook", me, "POST", "/v1/webhooks", {"url": HOOK}))["data"]
    path = f"/v1/webhooks/{hook['webhook']['id']}"
    await calls.http_call("WebhooksService.SetWebhookEvents", me, "PATCH", path, {"event_types": ["task.failed"]})
    await calls.http_call("WebhooksService.EnableWebhook", me, "POST", f"{path}/enable")
    rotated = (await calls.http_call("WebhooksService.RotateWebhookSecret", me, "POST", f"{path}/rotate-secret"))["data"]["secret"]
    await calls.http_call("WebhooksService.DeleteWebhook", me, "DELETE", path)
    body = {"name": "Shop", "operations": RESIZE}
    pipeline = (
        f"/v1/pipelines/{(await calls.http_call('PipelinesService.CreatePipeline', me, 'POST', '/v1/pipelines', body))['data']['id']}"
    )
    await calls.http_call("PipelinesService.ReplacePipeline", me, "PUT", pipeline, {**body, "name": "Store"})
    await calls.http_call("PipelinesService.DeletePipeline", me, "DELETE", pipeline)
    async with held(stack, account):
        task, batch = (await native.create_task([], [NOOP])).id, (await native.batches.create([[]], [NOOP])).batch.id
        await calls.http_call("TasksService.CancelTask", me, "POST", f"/v1/tasks/{task}/cancel")
        await calls.http_call("TasksService.DeleteTask", me, "DELETE", f"/v1/tasks/{task}")
        await calls.http_call("BatchesService.CancelBatch", me, "POST", f"/v1/batches/{batch}/cancel")
        await calls.http_call("BatchesService.DeleteBatch", me, "DELETE", f"/v1/batches/{batch}")
    uploads = [(await native.upload(PICTURE, name="a.png")).id for _ in range(3)]
    await calls.http_call("FilesService.DeleteFile", me, "DELETE", f"/v1/files/{uploads[0]}")
    body = {"files": [{"file_id": str(each)} for each in uploads[1:]]}
    first, second = (await calls.http_call("LibraryService.AddToLibrary", me, "POST", "/v1/library", body))["data"]["items"]
    await calls.http_call("LibraryService.DeleteFromLibrary", me, "POST", "/v1/library/delete", {"ids": [first["id"]]})
    await calls.http_call("LibraryService.DeleteLibraryChain", me, "DELETE", f"/v1/library/{second['id']}")
    calls.secrets |= {key["secret"], new["secret"], default, hook["secret"], rotated}
    await calls.check("Keys", "Webhooks", "Pipelines", "Tasks", "Batches", "Files", "Library")


async def test_an_account_by_the_native_api(opened: Opened, stack: StackUnderTest, account: Account, native: AsyncClient) -> None:
    me = account.api_key
    accounts, files, tasks = (opened(f"darkroom.{name}.v1", me) for name in ("accounts", "files", "tasks"))
    key = await accounts.native("AccountsService.CreateApiKey", me, name="ci")
    new = await accounts.native("AccountsService.RotateApiKey", me, api_key_id=key["api_key"]["id"])
    await accounts.native("AccountsService.RevokeApiKey", me, api_key_id=key["api_key"]["id"])
    default = (await tasks.native("WebhooksService.GetDefaultWebhookSecret", me))["secret"]
    hook = await tasks.native("WebhooksService.CreateWebhook", me, url=HOOK)
    id_ = hook["webhook"]["id"]
    await tasks.native("WebhooksService.SetWebhookEvents", me, webhook_id=id_, event_types=["task.failed"])
    await tasks.native("WebhooksService.EnableWebhook", me, webhook_id=id_)
    rotated = (await tasks.native("WebhooksService.RotateWebhookSecret", me, webhook_id=id_))["secret"]
    await tasks.native("WebhooksService.DeleteWebhook", me, webhook_id=id_)
    made = (await tasks.native("PipelinesService.CreatePipeline", me, name="Shop", operations=RESIZE))["pipeline"]["id"]
    await tasks.native("PipelinesService.UpdatePipeline", me, id=made, name="Store", operations=RESIZE)
    await tasks.native("PipelinesService.DeletePipeline", me, id=made)
    async with held(stack, account):
        task, batch = (await native.create_task([], [NOOP])).id, (await native.batches.create([[]], [NOOP])).batch.id
        await tasks.native("TasksService.CancelTask", me, task_id=task)
        await tasks.native("TasksService.DeleteTask", me, task_id=task)
        await tasks.native("BatchesService.CancelBatch", me, batch_id=batch)
        await tasks.native("BatchesService.DeleteBatch", me, batch_id=batch)
    uploads = [(await native.upload(PICTURE, name="a.png")).id for _ in range(2)]
    await files.native("FilesService.DeleteFile", me, file_id=uploads[0])
    [version] = (await files.native("LibraryService.AddLibraryFiles", me, files=[{"file_id": uploads[1]}]))["files"]
    await files.native("LibraryService.DeleteLibraryFiles", me, ids=[version["id"]])
    for calls, services in (
        (accounts, ["Accounts"]),
        (files, ["Files", "Library"]),
        (tasks, ["Webhooks", "Pipelines", "Tasks", "Batches"]),
    ):
        calls.secrets |= {key["secret"], new["secret"], default, hook["secret"], rotated}
        await calls.check(*services)


async def test_an_account_by_the_other_apis(opened: Opened, stack: StackUnderTest, account: Account) -> None:
    me = account.api_key
    fal, pi = opened("compat.fal.v1", me), opened("compat.pi.v1", me)
    async with held(stack, account):
        headers = {"Authorization": f"Key {me}"}
        made = (await fal.http.post(f"{fal.url}/fal/queue/noop", json={"steps": 1}, headers=headers)).json()
        await fal.http_call("QueueService.Cancel", me, "PUT", made["cancel_url"].removeprefix(fal.url), headers=headers, status=202)
        body: dict[str, object] = {"operations": [{"noop": {}}]}
        headers = {"Authorization": f"Bearer {me}"}
        job = (await pi.http.post(f"{pi.url}/api/v1/jobs", json=body, headers=headers)).json()["data"]["id"]
        await pi.http_call("JobsService.CancelJob", me, "POST", f"/api/v1/jobs/{job}/cancel")
    body = {"endpoint_url": HOOK, "secret": "whsec_" + base64.b64encode(b"s3same" * 6).decode()}
    hook = (await pi.http_call("WebhooksService.CreateWebhook", me, "POST", "/api/v1/webhooks", body))["data"]["id"]
    await pi.http_call("WebhooksService.UpdateWebhook", me, "PATCH", f"/api/v1/webhooks/{hook}", {"is_active": False})
    pi.secrets.add(str(body["secret"]))
    await fal.check("Queue")
    await pi.check("Jobs", "Webhooks")
