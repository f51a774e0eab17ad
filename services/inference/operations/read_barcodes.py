"""Read the barcodes in a picture."""

from __future__ import annotations

import cv2
import numpy as np

from darkroom.operations.v1.read_barcodes_pb2 import ReadBarcodes
from services.inference.codes.barcodes import Barcode, outline, read
from services.inference.contract.flow import Data, NewFile, Several, WholeFile
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header, Image, Saving, encode_into
from services.inference.media.colour import to_8bit
from services.pictures.media_format import MediaFormat

_COPIES = 7  # copies of the decoded samples: original, sRGB, gray, with outlines, and the examined part
_WHITE = 255
_PNG = Saving(MediaFormat.PNG, keep_metadata=False, compact=True)


def peak_memory(picture: Header, _parameters: ReadBarcodes) -> int:
    """Bytes at the peak."""
    return copies_of_samples(picture, _COPIES, _COPIES)


def run(file: WholeFile, parameters: ReadBarcodes, step: PlainStep) -> Data | Several:
    """The texts of the codes. Raises as `WholeFile.image`."""
    step.label("barcodes")
    image, _ = file.image()
    pixels = _on_white(image)
    found = read(np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8), quick=parameters.quick, check=step.check)
    told = Data({"barcodes": [_told(one) for one in found]})
    if not found:
        return told
    target = step.folder / "outlined"
    encode_into(target, Image(outline(pixels, found)), _PNG)
    return Several(told, [NewFile(target, "image/png", "png", width=image.width, height=image.height)])


def _told(one: Barcode) -> dict[str, object]:
    names = ("topLeft", "topRight", "bottomRight", "bottomLeft")
    position = {name: {"x": round(x), "y": round(y)} for name, (x, y) in zip(names, one.corners, strict=True)}
    return {"type": one.type, "text": one.text, "position": position}


def _on_white(image: Image) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    pixels = image.srgb()
    if image.alpha is None:
        return pixels
    share = to_8bit(image.alpha)[..., None].astype(np.uint16)
    return ((pixels * share + _WHITE * (_WHITE - share) + _WHITE // 2) // _WHITE).astype(np.uint8)
