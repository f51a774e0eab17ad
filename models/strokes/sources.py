"""Sources of marks and their grounds: open fonts of npm packages, and photographs of OpenCV's source archive and of scikit-image.

They are not used by the code that evaluates the network's results on pictures held out (`benchmarks/quality/_mark_set`).
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import skimage

from models.catalogue import NpmArchive
from models.errors import FetchError
from models.fetch import Fetcher

Pixels8 = npt.NDArray[np.uint8]

OPENCV = "opencv-python-headless-4.9.0.80.tar.gz"
"""The source archive on PyPI whose photographs (Apache-2.0) are used."""
_OPENCV_SHA256 = "71a4cd8cf7c37122901d8e81295db7fb188730e33a0e40039a4e59c1030b0958"
_OPENCV_FOLDER = "opencv-python-headless-4.9.0.80/opencv/samples/data"
_OPENCV_PHOTOGRAPHS = (
    *(f"{name}.jpg" for name in ("aero1", "aero3", "aloeL", "apple", "baboon", "blox", "board", "building", "butterfly", "ela_original")),
    *(f"{name}.jpg" for name in ("fruits", "home", "left", "left03", "left06", "leuvenA", "leuvenB", "licenseplate_motion", "messi5")),
    *(f"{name}.jpg" for name in ("orange", "squirrel_cls", "starry_night", "stuff")),
    *(f"{name}.png" for name in ("basketball1", "box_in_scene", "chicky_512", "graf1", "graf3", "rubberwhale1")),
)
_SKIMAGE_PHOTOGRAPHS = (
    *(f"{name}.png" for name in ("astronaut", "brick", "camera", "coffee", "coins", "grass", "motorcycle_left")),
    "rocket.jpg",
)
CHECKED = ("building", "chicky_512", "fruits", "leuvenB", "squirrel_cls")
"""Photographs that nothing is trained on: the checks between are made with them."""

_FONTSOURCE_VERSION = "5.3.0"
_FONTSOURCE: Mapping[str, str] = {
    "abril-fatface": "261304489f1ad9509af041947230865e79ae1e7c75c330b75d42d67a5c4a8aff",
    "anton": "796d0b1b7a503636458c0869ef9993659411c86443a4e4e7555ead4b29293db4",
    "bebas-neue": "57928e0ee30b9e8a99033cdd5dc74ad06761007b4ad8fc32173e5d9072ba91fa",
    "bitter": "f907568dce71e70601cc2ef3ecd4f72d7721a12dad358d8fb4b58ffb55a72efb",
    "caveat": "ebf746fc0667b9d10fcac7c8604e2ba40a264da85a1c9b48bd679c0af3221293",
    "cinzel": "b80629f715b4603fd099c0ceaa94cc7a15308a75a9cf52f0613a312ee6d53c28",
    "comfortaa": "5c82d14fe6efc746213748a2835b7aa7b6e07409f1611eaee52eb25e0bdfcca6",
    "courier-prime": "fd204a077d81426e1425baed6d471ad78a8eccca931091e661637bb10b5f2724",
    "dancing-script": "e392efa74afec672f1c97f8699a16bb8439c8aca1a367ddb5cd035f11e70e31a",
    "exo-2": "82ef50ecfba884505fc37362224db4c453ffd81956354436aac491938dec83b5",
    "great-vibes": "0bfdc957fa42a6d17288fce79a9299dab14742b77bdbb223c4385739d4035ca9",
    "inconsolata": "d34e446cb20ca819c3bc2795ff7dd1f071a4a7a6f8a38518af3b47144b5e06d9",
    "josefin-sans": "a89f83ae9d414f027af83546b84e09ac81e960024dfdeea3bcb491e8ed52a962",
    "lobster": "4ac6f6ab805b684026cb719f55dd605c892ca5d1db3f32fca88ca554a63b86d7",
    "lora": "3f2e66b0934b8652bb1a37645a9fc3e77e83b5841a09e97174e7bb11e11063c9",
    "merriweather": "348f20a775e50a50b508ab6660771df6905ab2ea695c6c2a8df889c5cceec42f",
    "montserrat": "919dce59bbe45ace8a517c1e9de5076282bfeb97e8aa8f5f2dc989451c14c7cb",
    "oswald": "27bf46420288bb65bd186638cde54686aa8f9d5dc975b1d597dfe81a7dd472cb",
    "pacifico": "397f4f0a8a4c44e929cafa4cfede7240f7ac81a922f6779d3fefe2192c67d619",
    "permanent-marker": "1fc372d174353a87b0ae7bb9651e32e7d1731f9e0b4c50c5d8704baea032bc1b",
    "playfair-display": "564e61951ecc3e962793cd50395f718cda6350cb934f9000dbe0139c768dc023",
    "quicksand": "237b3cc84bf92c235e17f11fcb54e8a889efeaed9a7bff4bacce8cb422e0a403",
    "raleway": "d5dc5cb4563286e45c5b832b0718fa36d84148405cf6f5d1903615a74d253ea8",
    "righteous": "f1eef6d5e0b87e0cba26208279d468f29139adddc339a98d61fcb8d7e374b4e3",
    "roboto-slab": "45d42c2f30be7fa361c673a297cb75e151e977a57905e449d25875adf97e77f5",
    "satisfy": "279d9fe5546d3facc33e3730f64493734fd70813af1bb8c979756242789092a5",
}
"""Packages @fontsource/…, under the Open Font License or Apache-2.0, and the SHA-256 of each."""
_WEIGHTS = ("400", "700", "900")


def photographs(opencv: Path) -> Mapping[str, Pixels8]:
    """Each photograph, [H, W, 3], sRGB, by its name without ending. Raises FetchError if the archive is another one."""
    if hashlib.sha256(opencv.read_bytes()).hexdigest() != _OPENCV_SHA256:
        raise FetchError(f"{opencv} is not PyPI's {OPENCV}")
    found: dict[str, Pixels8] = {}
    with tarfile.open(opencv) as archive:
        for name in _OPENCV_PHOTOGRAPHS:
            member = archive.extractfile(f"{_OPENCV_FOLDER}/{name}")
            assert member is not None
            found[Path(name).stem] = _decoded(member.read())
    for name in _SKIMAGE_PHOTOGRAPHS:
        found[Path(name).stem] = _decoded((Path(skimage.__file__).parent / "data" / name).read_bytes())
    return found


def fonts(cache: Path) -> Sequence[bytes]:
    """Font files (WOFF), of up to three weights each family. Raises FetchError."""
    fetcher = Fetcher(cache, print)
    found: list[bytes] = []
    for family, sha256 in _FONTSOURCE.items():
        archive = NpmArchive(kind="npm", package=f"@fontsource/{family}", version=_FONTSOURCE_VERSION, sha256=sha256)
        with tarfile.open(fetcher.fetch(archive)) as packed:
            for weight in _WEIGHTS:
                try:
                    member = packed.extractfile(f"package/files/{family}-latin-{weight}-normal.woff")
                except KeyError:
                    continue
                assert member is not None
                found.append(member.read())
    return found


def _decoded(encoded: bytes) -> Pixels8:
    pixels = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)
