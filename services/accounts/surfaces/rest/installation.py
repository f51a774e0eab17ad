"""The services of REST about the installation: its settings, how its pages look, and bundles of models."""

from __future__ import annotations

from collections.abc import Sequence

from google.api import httpbody_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from darkroom.common.v1 import scope_pb2
from darkroom.rest.v1 import branding_pb2 as branding_pb
from darkroom.rest.v1 import branding_pb2_grpc, bundles_pb2_grpc, envelope_pb2, settings_pb2_grpc
from darkroom.rest.v1 import bundles_pb2 as bundles_pb
from darkroom.rest.v1 import settings_pb2 as settings_pb
from services.accounts.domain.account_settings import AccountSettings
from services.accounts.domain.branding import Branding
from services.accounts.domain.bundles import BundleChanges
from services.accounts.domain.home import Home
from services.accounts.installation import Logo, Setting
from services.accounts.surfaces.rest.people import done
from services.platform.bundles import BundleState, RemoteBundles
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import Identity, current_identity
from services.platform.rpc.interceptor import Context
from services.platform.scopes import require_changed_password, require_scope

_OK, _SUCCESS = 200, "success"
_LOGO_PATH = "/v1/branding/logo"
_THEME, _LOCALE = "defaultTheme", "defaultLocale"


class RestSettings(settings_pb2_grpc.SettingsServiceServicer):
    """For the people of the account."""

    def __init__(self, settings: AccountSettings) -> None:
        self._settings = settings

    async def ListSettings(self, request: settings_pb.ListSettingsRequest, context: Context) -> settings_pb.SettingListEnvelope:
        """GET /v1/settings."""
        return _listed(await self._settings.all(current_identity()))

    async def GetSetting(self, request: settings_pb.GetSettingRequest, context: Context) -> settings_pb.SettingEnvelope:
        """GET /v1/settings/{name}."""
        found = await self._settings.get(current_identity(), request.name)
        return settings_pb.SettingEnvelope(code=_OK, message=_SUCCESS, data=_setting(found))

    async def UpdateSettings(self, request: settings_pb.UpdateSettingsRequest, context: Context) -> settings_pb.SettingListEnvelope:
        """PATCH /v1/settings."""
        values: dict[str, str] = {}
        for index, one in enumerate(request.settings):
            field = f"settings[{index}].name"
            if not one.name or one.name in values:
                problem = "must have at least 1 character" if not one.name else "is written twice"
                raise DarkroomError(ErrorReason.FIELD_INVALID, f"{field}: {problem}.", field=field)
            values[one.name] = one.value
        await self._settings.change(current_identity(), values, request.removed)
        return _listed(await self._settings.all(current_identity()))


def _listed(settings: Sequence[Setting]) -> settings_pb.SettingListEnvelope:
    return settings_pb.SettingListEnvelope(code=_OK, message=_SUCCESS, data=settings_pb.SettingList(items=map(_setting, settings)))


def _setting(setting: Setting) -> settings_pb.Setting:
    message = settings_pb.Setting(name=setting.name, value=setting.value)
    message.updated_at.FromDatetime(setting.updated_at)
    return message


class RestBranding(branding_pb2_grpc.BrandingServiceServicer):
    """For everybody, and for those who may change it."""

    def __init__(self, branding: Branding, settings: AccountSettings) -> None:
        self._branding, self._settings = branding, settings

    async def GetBranding(self, request: branding_pb.GetBrandingRequest, context: Context) -> branding_pb.BrandingEnvelope:
        """GET /v1/branding."""
        return await self._now()

    async def GetLogo(self, request: branding_pb.GetLogoRequest, context: Context) -> httpbody_pb2.HttpBody:
        """GET /v1/branding/logo."""
        return httpbody_pb2.HttpBody(content_type="image/png", data=(await self._branding.logo()).png)

    async def ReplaceLogo(self, request: branding_pb.ReplaceLogoRequest, context: Context) -> branding_pb.BrandingEnvelope:
        """POST /v1/branding/logo."""
        await self._branding.replace(current_identity(), request.png)
        return await self._now()

    async def DeleteLogo(self, request: branding_pb.DeleteLogoRequest, context: Context) -> envelope_pb2.ResponseEnvelope:
        """DELETE /v1/branding/logo."""
        await self._branding.delete(current_identity())
        return done()

    async def _now(self) -> branding_pb.BrandingEnvelope:
        logo, values = await self._logo(), await self._settings.values([_THEME, _LOCALE])
        data = branding_pb.Branding(default_theme=values.get(_THEME), default_locale=values.get(_LOCALE))
        if logo is not None:
            updated_at = Timestamp()
            updated_at.FromDatetime(logo.updated_at)
            data.logo_path = f"{_LOGO_PATH}?v={updated_at.ToMilliseconds()}"
            data.logo_updated_at.CopyFrom(updated_at)
        return branding_pb.BrandingEnvelope(code=_OK, message=_SUCCESS, data=data)

    async def _logo(self) -> Logo | None:
        try:
            return await self._branding.logo()
        except DarkroomError as error:
            if error.reason is not ErrorReason.LOGO_NOT_FOUND:
                raise
            return None


class RestBundles(bundles_pb2_grpc.BundlesServiceServicer):
    """Changes are for the account that people belong to."""

    def __init__(self, bundles: RemoteBundles, changes: BundleChanges, home: Home) -> None:
        self._bundles, self._changes, self._home = bundles, changes, home

    async def ListBundles(self, request: bundles_pb.ListBundlesRequest, context: Context) -> bundles_pb.BundleListEnvelope:
        """GET /v1/bundles."""
        caller = current_identity()
        require_changed_password(caller.user)
        data = bundles_pb.BundleList(items=map(_bundle, await self._bundles.all()), used_bytes=await self._used_bytes(caller))
        return bundles_pb.BundleListEnvelope(code=_OK, message=_SUCCESS, data=data)

    async def InstallBundle(self, request: bundles_pb.InstallBundleRequest, context: Context) -> envelope_pb2.ResponseEnvelope:
        """POST /v1/bundles/{id}/install."""
        await self._changes.install(current_identity(), request.id)
        return done()

    async def UninstallBundle(self, request: bundles_pb.UninstallBundleRequest, context: Context) -> envelope_pb2.ResponseEnvelope:
        """POST /v1/bundles/{id}/uninstall."""
        await self._changes.remove(current_identity(), request.id)
        return done()

    async def _used_bytes(self, caller: Identity) -> int | None:
        """None where it cannot be read, or not by the caller."""
        try:
            require_scope(scope_pb2.SCOPE_FEATURES_MANAGE, caller)
            await self._home.require(caller)
            return await self._bundles.bytes_used()
        except DarkroomError as error:
            if error.reason not in (ErrorReason.PERMISSION_DENIED, ErrorReason.OPERATION_UNAVAILABLE):
                raise
            return None


def _bundle(one: BundleState) -> bundles_pb.Bundle:
    running = one.status == "installing"
    return bundles_pb.Bundle(
        id=one.id,
        name=one.name,
        description=one.description,
        status=one.status,
        version=one.version or None,
        estimated_size=one.estimated_size,
        operations=one.operations,
        percent=one.percent if running else None,
        stage=one.stage if running else None,
        error=one.error or None,
    )
