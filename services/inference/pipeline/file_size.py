"""Notices of a result that is not as small as was asked for, or is larger than its input though nothing but its coding has changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from darkroom.operations.v1.convert_pb2 import COLOR_SPACE_CMYK, PICTURE_FORMAT_KEPT, PICTURE_FORMAT_UNSPECIFIED, Convert
from services.inference.pipeline.encoding import given_back
from services.inference.pipeline.registry import BoundOperation
from services.inference.pipeline.run import Product, Run
from services.inference.pipeline.undecoded import Undecoded
from services.pictures.media_format import SNIFF_BYTES, sniff
from services.pictures.operations import Arity

_FOLLOWS = PICTURE_FORMAT_UNSPECIFIED, PICTURE_FORMAT_KEPT
_OF_COMPRESSION = ("quality", "webp_quality", "avif_quality", "max_bytes", "compression", "max_colors")
"""Parameters of a conversion that ask for a smaller file."""
_OF_CODING = frozenset(
    (*_OF_COMPRESSION, "format", "compact", "quick", "keep_alpha", "background", "keep_coding", "png_otherwise", "svg_dpi")
)
"""Parameters that ask for nothing but how the samples are coded."""


class FileSizes:
    """Compares the results of a task's runs with their inputs."""

    def __init__(self, operations: Sequence[BoundOperation], undecoded: Undecoded) -> None:
        self._undecoded = undecoded
        self._conversions = [each.parameters for each in operations if isinstance(each.parameters, Convert)]
        self._converts_only = len(self._conversions) == len(operations) and operations[0].spec.arity is Arity.EACH

    async def settle(self, product: Product, run: Run) -> Product:
        """The product of a run, or in its place the input, or the same with the input's coding, if it would only have become larger."""
        if self._converts_only and run.sources:
            product = await self._not_larger(product, run)
        most, after = self._conversions[-1].max_bytes if self._conversions else 0, _size(product)
        if most and after > most:
            message = f"The smallest file that could be made has {after} bytes, more than {most}."
            run.notice("not_applied", "max_bytes", message, {"why": "file_too_large", "after": after, "most": most})
        return product

    async def _not_larger(self, product: Product, run: Run) -> Product:
        after, before = _size(product), run.sources[0].path.stat().st_size
        if after <= before or not _should_shrink(self._conversions, product, run):
            return product
        if all(map(_only_compresses, self._conversions)) and (returned := given_back(product, run)) is not product:
            message = f"The file of {before} bytes would have grown to {after} bytes, so it is given back unchanged."
            run.notice("not_smaller", "", message, {"why": "input", "before": before, "after": after})
            run.unchanged = True
            return returned
        if any(map(_compresses, self._conversions)) and (kept := await self._undecoded.in_its_coding(run)) is not None:
            product = min(product, replace(product, content=kept.content), key=_size)
        if (after := _size(product)) > before:
            message = f"The result has {after} bytes, more than the input's {before}."
            run.notice("not_smaller", "", message, {"why": "larger", "before": before, "after": after})
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
