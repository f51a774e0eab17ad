"""What Envoy is given to transcode by, each byte of which it keeps several times over."""

from __future__ import annotations

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool

from edge import routes
from edge.bodies import transcoded_descriptors


def test_the_descriptors_are_those_of_what_is_transcoded() -> None:
    services = routes.transcoded_services()
    # A copy without what this process knows beside it: the pool takes a file only after what it imports.
    files = FileDescriptorSet.FromString(transcoded_descriptors(services).SerializeToString()).file
    pool = DescriptorPool()
    for file in files:
        pool.Add(file)
    assert all(pool.FindServiceByName(service) for service in services)
    assert not any(file.source_code_info.location or file.package.startswith("darkroom.internal") for file in files)
