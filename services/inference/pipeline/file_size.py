"""Notices of a result that is not as small as was asked for, or is larger than its input though nothing but its coding has changed."""

from __future__ import annotations

from collections.abc import Sequence

from darkroom.operations.v1.convert_pb2 import COLOR_SPACE_CMYK, PICTURE_FORMAT_KEPT, PICTURE_FORMAT_UNSPECIFIED, Convert
from services.inference.pipeline.encoding import given_back
from services.inference.pipeline.registry import BoundOperation
from services.inference.pipeline.run import Product, Run
from services.pictures.media_format import SNIFF_BYTES, sniff
from services.pictures.operations import Arity

_FOLLOWS = PICTURE_FORMAT_UNSPECIFIED, PICTURE_FORMAT_KEPT
_OF_COMPRESSION = ("quality", "webp_quality", "avif_quality", "max_bytes", "compression", "max_colors")
"""Parameters of a conversion that ask for a smaller file."""
_OF_CODING = frozenset(
    (*_OF_COMPRESSION, "format", "compact", "quick", "keep_alpha", "background", "keep_coding", "png_otherwise", "svg_dpi")
)
"""Parameters that ask for nothing but how the samples are coded."""


def settle_size(product: Product, run: Run, operations: Sequence[BoundOperation]) -> Product:
    """The product of a run, or the input in its place if it would only have become larger."""
    conversions = [each.parameters for each in operations if isinstance(each.parameters, Convert)]
    if not conversions or not run.sources or operations[0].spec.arity is not Arity.EACH:
        return product
    after, before = _size(product), run.sources[0].path.stat().st_size
    if len(conversions) == len(operations) and after > before and _should_shrink(conversions, product, run):
        returned = given_back(product, run) if all(map(_only_compresses, conversions)) else product
        sizes = {"before": before, "after": after}
        if returned is not product:
            message = f"The file of {before} bytes would have grown to {after} bytes, so it is given back unchanged."
            run.notice("not_smaller", "", message, {"why": "input", **sizes})
            run.unchanged, product, after = True, returned, before
        else:
            message = f"The result has {after} bytes, more than the input's {before}."
            run.notice("not_smaller", "", message, {"why": "larger", **sizes})
    most = conversions[-1].max_bytes
    if most and after > most:
        message = f"The smallest file that could be made has {after} bytes, more than {most}."
        run.notice("not_applied", "max_bytes", message, {"why": "file_too_large", "after": after, "most": most})
    return product


def _should_shrink(conversions: Sequence[Convert], product: Product, run: Run) -> bool:
    """Whether the caller expects no larger file: the format stays, and nothing is asked for that takes more room."""
    if any(each.lossless or each.dpi or each.content_credentials or each.color_space == COLOR_SPACE_CMYK for each in conversions):
        return False
    if all(each.format in _FOLLOWS for each in conversions):
        return True
    return any(map(_compresses, conversions)) and _media_type(run) == product.media_type


def _compresses(conversion: Convert) -> bool:
    return any(getattr(conversion, name) for name in _OF_COMPRESSION)


def _only_compresses(conversion: Convert) -> bool:
    return _compresses(conversion) and all(field.name in _OF_CODING for field, _ in conversion.ListFields())


def _media_type(run: Run) -> str:
    with run.sources[0].path.open("rb") as file:
        format_ = sniff(file.read(SNIFF_BYTES), run.source_name)
    return "" if format_ is None else format_.media_type


def _size(product: Product) -> int:
    content = product.content
    return len(content) if isinstance(content, bytes) else content.stat().st_size
