"""The native services about the installation: its settings, logo, and features that need models."""

from __future__ import annotations

from darkroom.accounts.v1 import branding_service_pb2 as branding_pb
from darkroom.accounts.v1 import branding_service_pb2_grpc, features_service_pb2_grpc, settings_service_pb2_grpc
from darkroom.accounts.v1 import features_service_pb2 as features_pb
from darkroom.accounts.v1 import settings_service_pb2 as settings_pb
from services.accounts.domain.account_settings import AccountSettings
from services.accounts.domain.branding import Branding
from services.accounts.domain.bundles import BundleChanges
from services.accounts.domain.home import Home
from services.accounts.installation import Setting
from services.platform.bundles import BundleState, RemoteBundles
from services.platform.identity import current_identity
from services.platform.rpc.interceptor import Context


class NativeSettings(settings_service_pb2_grpc.SettingsServiceServicer):
    """For the people of the account."""

    def __init__(self, settings: AccountSettings) -> None:
        self._settings = settings

    async def ListSettings(self, request: settings_pb.ListSettingsRequest, context: Context) -> settings_pb.ListSettingsResponse:
        return settings_pb.ListSettingsResponse(settings=map(_setting, await self._settings.all(current_identity())))

    async def GetSetting(self, request: settings_pb.GetSettingRequest, context: Context) -> settings_pb.GetSettingResponse:
        return settings_pb.GetSettingResponse(setting=_setting(await self._settings.get(current_identity(), request.name)))

    async def UpdateSettings(self, request: settings_pb.UpdateSettingsRequest, context: Context) -> settings_pb.UpdateSettingsResponse:
        await self._settings.change(current_identity(), dict(request.values), request.removed)
        return settings_pb.UpdateSettingsResponse()


def _setting(setting: Setting) -> settings_pb.Setting:
    message = settings_pb.Setting(name=setting.name, value=setting.value)
    message.update_time.FromDatetime(setting.updated_at)
    return message


class NativeBranding(branding_service_pb2_grpc.BrandingServiceServicer):
    """For everybody, and for those who may change it."""

    def __init__(self, branding: Branding) -> None:
        self._branding = branding

    async def GetLogo(self, request: branding_pb.GetLogoRequest, context: Context) -> branding_pb.GetLogoResponse:
        logo = await self._branding.logo()
        reply = branding_pb.GetLogoResponse(png=logo.png)
        reply.update_time.FromDatetime(logo.updated_at)
        return reply

    async def UpdateLogo(self, request: branding_pb.UpdateLogoRequest, context: Context) -> branding_pb.UpdateLogoResponse:
        await self._branding.replace(current_identity(), request.png)
        return branding_pb.UpdateLogoResponse()

    async def DeleteLogo(self, request: branding_pb.DeleteLogoRequest, context: Context) -> branding_pb.DeleteLogoResponse:
        await self._branding.delete(current_identity())
        return branding_pb.DeleteLogoResponse()


_STATUSES = {
    "not_installed": features_pb.BUNDLE_STATUS_NOT_INSTALLED,
    "installing": features_pb.BUNDLE_STATUS_INSTALLING,
    "installed": features_pb.BUNDLE_STATUS_INSTALLED,
    "error": features_pb.BUNDLE_STATUS_ERROR,
}


class NativeFeatures(features_service_pb2_grpc.FeaturesServiceServicer):
    """Changes are for the account that people belong to."""

    def __init__(self, bundles: RemoteBundles, changes: BundleChanges, home: Home) -> None:
        self._bundles, self._changes, self._home = bundles, changes, home

    async def ListBundles(self, request: features_pb.ListBundlesRequest, context: Context) -> features_pb.ListBundlesResponse:
        return features_pb.ListBundlesResponse(bundles=map(_bundle, await self._bundles.all()))

    async def InstallBundle(self, request: features_pb.InstallBundleRequest, context: Context) -> features_pb.InstallBundleResponse:
        return features_pb.InstallBundleResponse(installation=await self._changes.install(current_identity(), request.bundle_id))

    async def UninstallBundle(self, request: features_pb.UninstallBundleRequest, context: Context) -> features_pb.UninstallBundleResponse:
        await self._changes.remove(current_identity(), request.bundle_id)
        return features_pb.UninstallBundleResponse()

    async def GetModelUsage(self, request: features_pb.GetModelUsageRequest, context: Context) -> features_pb.GetModelUsageResponse:
        await self._home.require(current_identity())
        return features_pb.GetModelUsageResponse(total_bytes=await self._bundles.bytes_used())


def _bundle(one: BundleState) -> features_pb.Bundle:
    return features_pb.Bundle(
        id=one.id,
        name=one.name,
        description=one.description,
        status=_STATUSES[one.status],
        installed_version=one.version,
        estimated_size=one.estimated_size,
        tools=one.tools,
        unavailable_tools=one.unavailable_tools,
        percent=one.percent,
        stage=one.stage,
        error=one.error,
        installation=one.job,
    )
