"""Pictures in and out: decoding with limits, colour management, encoding. This package uses no network and no model."""

from services.inference.media.colour import Pixels
from services.inference.media.decode import decode, read_header
from services.inference.media.encode import as_read_back, encode, encode_into
from services.inference.media.header import NO_HINTS, SVG_DPI, Header, Hints
from services.inference.media.image import Effort, Image, Limits, Metadata, Saving
from services.inference.media.keeping import final_saving, in_format
from services.inference.media.lazy import LazyImage, Picture, as_graph, in_memory
from services.inference.media.runtime import configure_libvips

__all__ = [
    "NO_HINTS",
    "SVG_DPI",
    "Effort",
    "Header",
    "Hints",
    "Image",
    "LazyImage",
    "Limits",
    "Metadata",
    "Picture",
    "Pixels",
    "Saving",
    "as_graph",
    "as_read_back",
    "configure_libvips",
    "decode",
    "encode",
    "encode_into",
    "final_saving",
    "in_format",
    "in_memory",
    "read_header",
]
