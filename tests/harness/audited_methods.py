"""The actions that the methods of all protos enter into the audit log."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet, MethodOptions

from darkroom.common.v1 import options_pb2  # noqa: F401 - the options that the descriptors have

_DESCRIPTORS = Path(__file__).parents[2] / "gen" / "descriptors.pb"

AUDITED: Mapping[str, Mapping[str, str]] = {
    "darkroom.accounts.v1": {
        "AccountsService.CreateApiKey": "key.created",
        "AccountsService.RotateApiKey": "key.rotated",
        "AccountsService.RevokeApiKey": "key.revoked",
        "BrandingService.UpdateLogo": "logo.replaced",
        "BrandingService.DeleteLogo": "logo.deleted",
        "FeaturesService.InstallBundle": "bundle.install_requested",
        "FeaturesService.UninstallBundle": "bundle.removal_requested",
        "RolesService.CreateRole": "role.created",
        "RolesService.UpdateRole": "role.updated",
        "RolesService.DeleteRole": "role.deleted",
        "SessionsService.CreateSession": "session.created",
        "SessionsService.DeleteSession": "session.deleted",
        "SessionsService.ChangePassword": "password.changed",
        "SessionsService.SetAnalyticsChoice": "user.analytics_set",
        "SettingsService.UpdateSettings": "settings.changed",
        "TeamsService.CreateTeam": "team.created",
        "TeamsService.UpdateTeam": "team.updated",
        "TeamsService.DeleteTeam": "team.deleted",
        "UserKeysService.CreateUserKey": "key.created",
        "UserKeysService.DeleteUserKey": "key.revoked",
        "UsersService.CreateUser": "user.created",
        "UsersService.InviteUser": "user.created",
        "UsersService.CreateSignInLink": "session.link_created",
        "UsersService.UpdateUser": "user.updated",
        "UsersService.ResetPassword": "password.reset",
        "UsersService.DeleteUser": "user.deleted",
    },
    "darkroom.files.v1": {
        "FilesService.DeleteFile": "file.deleted",
        "LibraryService.AddLibraryFiles": "library.uploaded",
        "LibraryService.DeleteLibraryFiles": "library.deleted",
        "PictureKeysService.CreatePictureKey": "picture.key_created",
        "PictureKeysService.DeletePictureKey": "picture.key_deleted",
    },
    "darkroom.tasks.v1": {
        "BatchesService.CancelBatch": "batch.cancelled",
        "BatchesService.DeleteBatch": "batch.deleted",
        "PipelinesService.CreatePipeline": "pipeline.created",
        "PipelinesService.UpdatePipeline": "pipeline.updated",
        "PipelinesService.DeletePipeline": "pipeline.deleted",
        "TasksService.CancelTask": "task.cancelled",
        "TasksService.DeleteTask": "task.deleted",
        "WebhooksService.CreateWebhook": "webhook.created",
        "WebhooksService.SetWebhookEvents": "webhook.changed",
        "WebhooksService.EnableWebhook": "webhook.enabled",
        "WebhooksService.DeleteWebhook": "webhook.deleted",
        "WebhooksService.RotateWebhookSecret": "webhook.secret_rotated",
        # A read, which makes the secret the first time.
        "WebhooksService.GetDefaultWebhookSecret": "webhook.secret_created",
    },
    "darkroom.rest.v1": {
        "BatchesService.CancelBatch": "batch.cancelled",
        "BatchesService.DeleteBatch": "batch.deleted",
        "BrandingService.ReplaceLogo": "logo.replaced",
        "BrandingService.DeleteLogo": "logo.deleted",
        "BundlesService.InstallBundle": "bundle.install_requested",
        "BundlesService.UninstallBundle": "bundle.removal_requested",
        "FilesService.DeleteFile": "file.deleted",
        "KeysService.CreateKey": "key.created",
        "KeysService.RotateKey": "key.rotated",
        "KeysService.RevokeKey": "key.revoked",
        "LibraryService.AddToLibrary": "library.uploaded",
        "LibraryService.DeleteFromLibrary": "library.deleted",
        "LibraryService.DeleteLibraryChain": "library.deleted",
        "PictureKeysService.CreatePictureKey": "picture.key_created",
        "PictureKeysService.DeletePictureKey": "picture.key_deleted",
        "PipelinesService.CreatePipeline": "pipeline.created",
        "PipelinesService.ReplacePipeline": "pipeline.updated",
        "PipelinesService.DeletePipeline": "pipeline.deleted",
        "RolesService.CreateRole": "role.created",
        "RolesService.ReplaceRole": "role.updated",
        "RolesService.DeleteRole": "role.deleted",
        "SessionsService.CreateSession": "session.created",
        "SessionsService.DeleteSession": "session.deleted",
        "SessionsService.ChangePassword": "password.changed",
        "SettingsService.UpdateSettings": "settings.changed",
        "TasksService.CancelTask": "task.cancelled",
        "TasksService.DeleteTask": "task.deleted",
        "TeamsService.CreateTeam": "team.created",
        "TeamsService.ReplaceTeam": "team.updated",
        "TeamsService.DeleteTeam": "team.deleted",
        "UserKeysService.CreateUserKey": "key.created",
        "UserKeysService.DeleteUserKey": "key.revoked",
        "UsersService.CreateUser": "user.created",
        "UsersService.UpdateUser": "user.updated",
        "UsersService.DeleteUser": "user.deleted",
        "UsersService.ResetPassword": "password.reset",
        "UsersService.CreateSignInLink": "session.link_created",
        "WebhooksService.CreateWebhook": "webhook.created",
        "WebhooksService.SetWebhookEvents": "webhook.changed",
        "WebhooksService.DeleteWebhook": "webhook.deleted",
        "WebhooksService.EnableWebhook": "webhook.enabled",
        "WebhooksService.RotateWebhookSecret": "webhook.secret_rotated",
        "WebhooksService.GetDefaultWebhookSecret": "webhook.secret_created",
    },
    "compat.snapotter.v1": {
        "ApiKeysService.CreateApiKey": "key.created",
        "ApiKeysService.DeleteApiKey": "key.revoked",
        "AuthService.Login": "session.created",
        "AuthService.Logout": "session.deleted",
        "AuthService.ChangePassword": "password.changed",
        "AuthService.SetAnalytics": "user.analytics_set",
        "BrandingService.UploadLogo": "logo.replaced",
        "BrandingService.DeleteLogo": "logo.deleted",
        "FeaturesService.InstallFeature": "bundle.install_requested",
        "FeaturesService.UninstallFeature": "bundle.removal_requested",
        "FilesService.Upload": "library.uploaded",
        "LibraryService.UploadFiles": "library.uploaded",
        "LibraryService.SaveResult": "library.saved",
        "LibraryService.DeleteFiles": "library.deleted",
        "LibraryService.DeleteFile": "library.deleted",
        "PipelinesService.SavePipeline": "pipeline.created",
        "PipelinesService.DeletePipeline": "pipeline.deleted",
        "RolesService.CreateRole": "role.created",
        "RolesService.UpdateRole": "role.updated",
        "RolesService.DeleteRole": "role.deleted",
        "SettingsService.UpdateSettings": "settings.changed",
        "SettingsService.UpdateSetting": "settings.changed",
        "TeamsService.CreateTeam": "team.created",
        "TeamsService.UpdateTeam": "team.updated",
        "TeamsService.DeleteTeam": "team.deleted",
        "UsersService.Register": "user.created",
        "UsersService.UpdateUser": "user.updated",
        "UsersService.ResetPassword": "password.reset",
        "UsersService.DeleteUser": "user.deleted",
    },
    "compat.fal.v1": {"QueueService.Cancel": "task.cancelled"},
    "compat.pi.v1": {
        "JobsService.CancelJob": "task.cancelled",
        "WebhooksService.CreateWebhook": "webhook.created",
        "WebhooksService.UpdateWebhook": "webhook.disabled",
    },
}
"""By package and method: the action that a call enters. tests/system/test_audit_of_methods.py calls each."""

AUDITED_ELSEWHERE: Mapping[str, str] = {
    # A machine joins in tests/component/accounts/test_workers.py.
    "darkroom.rest.v1.WorkersService.JoinWorker": "worker.joined",
    # Somebody is removed in tests/component/tasks/test_tasks_audit.py.
    "darkroom.internal.tasks.v1.DepartureService.ClearPipelines": "pipeline.deleted",
}

NOT_ADMINISTERED: Mapping[str, Collection[str]] = {
    "Tasks, which their own list shows": (
        *("darkroom.tasks.v1.TasksService.CreateTask", "darkroom.tasks.v1.TasksService.RerunTask"),
        *("darkroom.tasks.v1.BatchesService.CreateBatch", "darkroom.tasks.v1.BatchesService.ArchiveBatch"),
        *("darkroom.rest.v1.AccountTasksService.CreateTask", "darkroom.rest.v1.TasksService.RerunTask"),
        *("darkroom.rest.v1.BatchesService.CreateBatch", "darkroom.rest.v1.BatchesService.ArchiveBatch"),
        *("darkroom.rest.v1.ImagesService", "darkroom.rest.v1.OperationsService", "darkroom.rest.v1.PdfsService"),
        "darkroom.rest.v1.PipelinesService.RunPipeline",
        *("compat.claid.v1.EditsService", "compat.claid.v1.BatchEditsService", "compat.claid.v1.GenerationService"),
        *("compat.fal.v1.QueueService.Submit", "compat.fal.v1.RunService"),
        *("compat.pi.v1.ImagesService", "compat.pi.v1.JobsService.CreateJob"),
        *(
            f"compat.snapotter.v1.{kind}ToolsService"
            for kind in (
                *("Animation", "Background", "Code", "Colour", "Conversion", "Enlarge", "Eraser", "Face", "Format", "Icon", "Metadata"),
                *("Montage", "Ocr", "Passport", "Pdf", "Photo", "Reading", "Restoration", "Shape", "Text", "TwoImage"),
            )
        ),
        *("compat.snapotter.v1.BatchesService", "compat.snapotter.v1.InfoService", "compat.snapotter.v1.RenameService"),
        "compat.snapotter.v1.PipelinesService.ExecutePipeline",
        *("compat.mcp.v1.MessagesService", "darkroom.internal.files.v1.PicturesService.OpenPicture"),
    ),
    "The work of tasks, of which only workers and services know": (
        *("darkroom.internal.tasks.v1.AttemptService", "darkroom.internal.tasks.v1.RunService"),
        "darkroom.internal.files.v1.StorageService",
    ),
    "Uploads outside of the library and files that expire, which their own list shows": (
        *(
            f"darkroom.files.v1.FilesService.{name}"
            for name in ("CreateFiles", "ImportFile", "CompleteUpload", "ResumeUpload", "AbortUpload", "CreateDownloadUrls")
        ),
        *(
            f"darkroom.rest.v1.FilesService.{name}"
            for name in ("CreateFiles", "ImportFile", "CompleteMultipartUpload", "ResumeUpload", "AbortUpload")
        ),
        *("darkroom.files.v1.LibraryService.CopyLibraryFile", "darkroom.rest.v1.LibraryService.CopyFromLibrary"),
        *("compat.snapotter.v1.FilesService.Preview", "envoy.service.ext_proc.v3.ExternalProcessor"),
    ),
    "The gateway's part of uploads; BundleFiles enters `library.uploaded` in the name of its caller": (
        "darkroom.internal.files.v1.IntakeService",
        *(f"darkroom.internal.files.v1.ShelfService.{name}" for name in ("OpenThumbnail", "LendFile", "KeepThumbnail")),
    ),
    "Signed URLs and thumbnails, which anybody who may read the file gets": (
        *(f"darkroom.files.v1.LibraryService.{name}" for name in ("CreateLibraryDownloadUrl", "CreateLibraryThumbnailUrl")),
        "darkroom.tasks.v1.TasksService.CreateResultUrls",
    ),
    "Answers without a change": (
        *("darkroom.tasks.v1.BalanceService.EstimatePrice", "darkroom.rest.v1.BillingService.EstimatePrice"),
        *("compat.snapotter.v1.PipelinesService.PlanPipeline", "envoy.service.auth.v3.Authorization"),
    ),
    "Sends again what the list of deliveries shows": (
        *("darkroom.tasks.v1.WebhooksService.ReplayWebhookDelivery", "darkroom.tasks.v1.WebhooksService.SendTestWebhook"),
        *("darkroom.rest.v1.WebhooksService.ReplayWebhookDelivery", "darkroom.rest.v1.WebhooksService.SendTestWebhook"),
    ),
    "Always refused": (
        *(f"compat.claid.v1.StoragesService.{name}Storage" for name in ("Create", "Update", "Delete")),
        "compat.pi.v1.RefusedService",
    ),
    "Follows from a change that has an entry: `worker.joined`, `settings.changed`, `user.deleted`": (
        "darkroom.internal.accounts.v1.MembershipService.RenewMembership",
        "darkroom.internal.files.v1.RetentionService.SetMaxAge",
        "darkroom.internal.files.v1.ShelfService.ClearShelf",
    ),
    "KEDA's questions": ("externalscaler.ExternalScaler",),
}
"""By reason: services and methods that have no entry."""


def audited() -> dict[str, str]:
    """By the full name of each method of AUDITED: the action."""
    return {f"{package}.{name}": action for package, methods in AUDITED.items() for name, action in methods.items()}


def methods() -> dict[str, bool]:
    """Every method of the protos, public and internal, of surfaces that are on or off; True for one that may change something."""
    files = FileDescriptorSet.FromString(_DESCRIPTORS.read_bytes()).file
    return {
        f"{file.package}.{service.name}.{method.name}": method.options.idempotency_level != MethodOptions.NO_SIDE_EFFECTS
        for file in files
        for service in file.service
        for method in service.method
    }
