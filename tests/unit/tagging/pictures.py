"""Pictures with metadata, and what independent readers find in them."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pillow_heif
import pyvips
from PIL import Image as PillowImage
from PIL import TiffImagePlugin

from services.pictures.media_format import MediaFormat
from tests.unit.imaging.pictures import photo

MAKER_NOTE = b"Maker\0" + bytes(range(200))
FORMATS = (MediaFormat.JPEG, MediaFormat.PNG, MediaFormat.WEBP, MediaFormat.TIFF, MediaFormat.GIF, MediaFormat.HEIC, MediaFormat.AVIF)
WITH_EXIF = tuple(each for each in FORMATS if each is not MediaFormat.GIF)
EXIF, GPS = 0x8769, 0x8825
XMP = (
    b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    b'xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    b'exif:GPSLatitude="1,2.0N" xmp:Rating="4"><dc:subject><rdf:Bag><rdf:li>old</rdf:li></rdf:Bag></dc:subject>'
    b"</rdf:Description></rdf:RDF></x:xmpmeta>"
    b'<?xpacket end="w"?>'
)


def exif() -> PillowImage.Exif:
    """Tags of all directories, with a maker's note."""
    found = PillowImage.Exif()
    found[0x010F], found[0x013B], found[0x0132] = "Camera", "Before", "2024:02:28 23:30:00"
    found.get_ifd(EXIF).update({0x9003: "2024:02:28 23:30:00", 0x9004: "2024:12:31 22:00:00", 0x927C: MAKER_NOTE, 0x829A: 0.01})
    found.get_ifd(GPS).update({1: "N", 2: (1.0, 2.0, 3.0), 3: "E", 4: (4.0, 5.0, 6.0)})
    return found


def picture(format_: MediaFormat, *, tagged: bool = False) -> bytes:
    """A file, with Exif data and an XMP packet where the format has them."""
    buffer = io.BytesIO()
    image = PillowImage.fromarray(photo())
    said: dict[str, Any] = {"exif": exif(), "xmp": XMP} if tagged else {}
    match format_:
        case MediaFormat.HEIC:
            said = {"exif": exif().tobytes(), "xmp": XMP} if tagged else {}
            pillow_heif.from_pillow(image).save(buffer, quality=50, **said)
        case MediaFormat.TIFF:
            image.save(buffer, "TIFF", tiffinfo=_tiff_tags() if tagged else {})
        case MediaFormat.PNG:
            image.save(buffer, "PNG", **({"exif": exif()} if tagged else {}))
        case MediaFormat.GIF:
            frames = [image, PillowImage.fromarray(photo()[::-1])]
            frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], loop=3, duration=70)
        case _:
            image.save(buffer, str(format_).upper(), **said)
    return buffer.getvalue()


def _tiff_tags() -> TiffImagePlugin.ImageFileDirectory_v2:
    found, said = TiffImagePlugin.ImageFileDirectory_v2(), exif()
    for tag, value in [*said.items(), (700, XMP), (EXIF, dict(said.get_ifd(EXIF))), (GPS, dict(said.get_ifd(GPS)))]:
        found[tag] = value
    return found


def packet(data: bytes) -> str:
    """The XMP packet, where Pillow finds it."""
    with opened(data) as image:
        if image.format != "GIF":
            return str(image.info["xmp"].decode())
        name, at = image.info["extension"]
        assert name == b"XMP DataXMP"
        return data[at : data.index(b"\x01\xff\xfe\xfd", at)].decode()


def samples(data: bytes) -> list[bytes]:
    """Of all frames."""
    with opened(data) as image:
        found = []
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            found.append(np.asarray(image.convert("RGBA")).tobytes())
    return found


def opened(data: bytes) -> PillowImage.Image:
    """As Pillow reads it."""
    pillow_heif.register_heif_opener()
    return PillowImage.open(io.BytesIO(data))


def tags(data: bytes, directory: int = 0) -> dict[int, Any]:
    """Exif tags as Pillow reads them."""
    with opened(data) as image:
        found = image.getexif()
        return dict(found.get_ifd(directory)) if directory else dict(found)


def vips_exif(data: bytes) -> dict[str, str]:
    """Exif tags as libexif reads them for libvips."""
    image = pyvips.Image.new_from_buffer(data, "")
    return {name: image.get(name) for name in image.get_fields() if name.startswith("exif-ifd")}
