"""`darkroom.internal.files.v1.IntakeService`: files that services store for an account."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

from darkroom.internal.files.v1 import intake_service_pb2 as pb
from darkroom.internal.files.v1 import intake_service_pb2_grpc
from services.files.domain.bundles import Bundles
from services.files.domain.deliveries import Delivered, Deliveries
from services.files.domain.imports.importing import Imports
from services.files.domain.streamed import StreamedFiles
from services.files.records import BundledFile
from services.files.storages import Storages
from services.files.surfaces.rendering import download_message, file_message
from services.platform.audit.messages import actor_of
from services.platform.errors import DarkroomError
from services.platform.idempotent_call import IdempotentCall
from services.platform.identity import current_identity
from services.platform.rpc.interceptor import Context

_IMPORT_FILE = "/darkroom.internal.files.v1.IntakeService/ImportFile"


class Intake(intake_service_pb2_grpc.IntakeServiceServicer):
    """Files of the account in the service token."""

    def __init__(self, files: StreamedFiles, imports: Imports, storages: Storages, deliveries: Deliveries, bundles: Bundles) -> None:
        self._files, self._imports, self._storages, self._deliveries, self._bundles = files, imports, storages, deliveries, bundles

    async def BeginFile(self, request: pb.BeginFileRequest, context: Context) -> pb.BeginFileResponse:
        """A record, and where its bytes go if they have not come."""
        account_id = current_identity().account_id
        if request.task_id:
            file = await self._files.store_held(
                account_id, request.name, request.content, request.surface, request.file_id, request.task_id
            )
            return pb.BeginFileResponse(file_id=file.id, pinned=file_message(file) if file.pins else None)
        size = request.size_bytes if request.HasField("size_bytes") else None
        begun = await self._files.begin(
            account_id,
            request.name,
            request.head,
            size,
            request.content,
            request.surface,
            any_content=request.any_content,
            held=request.held,
            file_id=request.file_id,
        )
        return pb.BeginFileResponse(
            file_id=begun.file_id,
            url=begun.url,
            only_if_absent=begun.only_if_absent,
            output_file_id=begun.output_file_id,
            name=begun.name,
        )

    async def SignFilePart(self, request: pb.SignFilePartRequest, context: Context) -> pb.SignFilePartResponse:
        """Where a part goes."""
        url = await self._files.part_url(current_identity().account_id, request.file_id, request.part_number)
        return pb.SignFilePartResponse(url=url)

    async def CompleteFile(self, request: pb.CompleteFileRequest, context: Context) -> pb.CompleteFileResponse:
        """Join the parts."""
        await self._files.complete(current_identity().account_id, request.file_id, request.etags)
        return pb.CompleteFileResponse()

    async def ImportFile(self, request: pb.ImportFileRequest, context: Context) -> pb.ImportFileResponse:
        """Fetch a file."""
        account_id, call = current_identity().account_id, None
        if request.task_id:
            digest = hashlib.sha256(request.url.encode()).digest()
            call = IdempotentCall(account_id, _IMPORT_FILE, f"task {request.task_id} input {request.input}", digest)
        file = await self._imports.fetch(account_id, request.url, call=call)
        return pb.ImportFileResponse(file_id=file.id)

    async def StoreFile(self, request: pb.StoreFileRequest, context: Context) -> pb.StoreFileResponse:
        file = await self._imports.store(current_identity().account_id, request.content, "content")
        return pb.StoreFileResponse(file_id=file.id)

    async def CheckUrls(self, request: pb.CheckUrlsRequest, context: Context) -> pb.CheckUrlsResponse:
        """Look at URLs without using them."""
        account_id = current_identity().account_id
        return pb.CheckUrlsResponse(refusals=_refusals(request.urls, lambda url: self._imports.check(account_id, url, "url")))

    async def ListStorages(self, request: pb.ListStoragesRequest, context: Context) -> pb.ListStoragesResponse:
        """The operator's configuration."""
        found = self._storages.of(current_identity().account_id).items()
        storages = [pb.ConfiguredStorage(name=name, type=each.type, parameters=each.parameters) for name, each in found]
        return pb.ListStoragesResponse(storages=storages)

    async def CheckDestinations(self, request: pb.CheckDestinationsRequest, context: Context) -> pb.CheckDestinationsResponse:
        """Look at destinations without using them."""
        account_id = current_identity().account_id
        refusals = _refusals(request.destinations, lambda each: self._deliveries.check(account_id, each, "destination"))
        return pb.CheckDestinationsResponse(refusals=refusals)

    async def ListFolder(self, request: pb.ListFolderRequest, context: Context) -> pb.ListFolderResponse:
        """The files of a folder."""
        account_id, extensions = current_identity().account_id, frozenset(request.extensions)
        listed = self._deliveries.list_folder(account_id, request.url, "url", extensions, request.most, recursive=request.recursive)
        return pb.ListFolderResponse(paths=await listed)

    async def DeliverOutputs(self, request: pb.DeliverOutputsRequest, context: Context) -> pb.DeliverOutputsResponse:
        """Copy outputs to their destination."""
        account_id = current_identity().account_id
        delivered = await self._deliveries.deliver(account_id, request.task_id, request.attempt, request.file_ids, request.destination)
        return pb.DeliverOutputsResponse(outputs=map(_delivered, delivered))

    async def BundleFiles(self, request: pb.BundleFilesRequest, context: Context) -> pb.BundleFilesResponse:
        """Remember files by their names."""
        files = [BundledFile(each.file_id, each.name) for each in request.files]
        uploader = actor_of(request.uploader, request.address, request.user_agent) if request.HasField("uploader") else None
        return pb.BundleFilesResponse(bundle_id=await self._bundles.make(current_identity().account_id, files, uploader))

    async def OpenBundle(self, request: pb.OpenBundleRequest, context: Context) -> pb.OpenBundleResponse:
        """Where a file of a bundle can be had."""
        account_id = current_identity().account_id
        download = await self._bundles.download(account_id, request.bundle_id, request.name, request.media_type, for_head=request.for_head)
        return pb.OpenBundleResponse(download=download_message(download) if download is not None else None)

    async def DiscardFiles(self, request: pb.DiscardFilesRequest, context: Context) -> pb.DiscardFilesResponse:
        """Delete files."""
        await self._files.discard(current_identity().account_id, request.file_ids)
        return pb.DiscardFilesResponse()


def _refusals(urls: Iterable[str], check: Callable[[str], None]) -> list[pb.UrlRefusal]:
    refusals = []
    for index, url in enumerate(urls):
        try:
            check(url)
        except DarkroomError as error:
            refusals.append(pb.UrlRefusal(index=index, reason=error.reason.number, message=error.message, allowed=error.allowed))
    return refusals


def _delivered(delivered: Delivered) -> pb.DeliveredOutput:
    place = delivered.place
    key = place.bucket.key(place.path)
    return pb.DeliveredOutput(file_id=delivered.file_id, storage=place.storage, path=place.path, bucket=place.bucket.bucket, key=key)
