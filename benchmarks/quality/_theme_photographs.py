"""Photographs of web themes in npm packages: the held-out material of the evaluations. Nothing is trained or tuned on them.

The themes are under the MIT licence. Their photographs are NASA's, which are in the public domain, and those of Unsplash.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks.quality._npm_files import npm_file

_THEMES: Mapping[str, tuple[str, str, str]] = {
    "startbootstrap-agency": ("4.1.1", "9f317065df67ff71e0950747191e2def2388c1bc3e10ab4aa11ca59199e38516", "img"),
    "startbootstrap-clean-blog": ("4.0.0", "5964820ad26ee70076fe3fca902d512455fde343e1b7a5c4f096ddcc68e7b6ec", "img"),
    "startbootstrap-creative": ("4.0.0", "47d1db1dbc5096bb89bbf514c7e200036d0810699668b5d516202aa95d5c391e", "img/portfolio/fullsize"),
    "startbootstrap-landing-page": ("4.0.0", "138a90854a7fc0d575a0305fa4f8796b3bf196d3fe7a8e68223371f4c93bbe7e", "img"),
    "startbootstrap-stylish-portfolio": ("4.0.0", "da3e3de5d7bd5be34942576576f074b7fd1c57551bfa6043db889a6de86774d3", "img"),
    "material-kit": ("2.0.4", "543712c988b2697c61a7ef6c9527ebf850b21b56e1bdfd7258fc6d333f725602", "assets/img"),
}
"""Version, SHA-256 and folder of the photographs."""
PHOTOGRAPHS: Sequence[tuple[str, str]] = (
    *(("startbootstrap-agency", f"{name}.jpg") for name in ("portfolio/03-full", "portfolio/06-full", "team/1", "team/2", "team/3")),
    *(("startbootstrap-clean-blog", f"{name}.jpg") for name in ("about-bg", "contact-bg", "home-bg", "post-bg", "post-sample-image")),
    *(("startbootstrap-creative", f"{number}.jpg") for number in (3, 4, 6)),
    *(("startbootstrap-landing-page", f"{name}.jpg") for name in ("bg-masthead", "bg-showcase-1", "bg-showcase-3")),
    *(("startbootstrap-landing-page", f"testimonials-{number}.jpg") for number in (1, 2, 3)),
    *(("startbootstrap-stylish-portfolio", f"{name}.jpg") for name in ("bg-callout", "portfolio-1", "portfolio-3")),
    *(("material-kit", f"{name}.jpg") for name in ("bg3", "bg7", "city-profile", "profile_city")),
    *(
        ("material-kit", f"examples/{name}.jpg")
        for name in ("clem-onojeghuo", "cynthia-del-rio", "mariya-georgieva", "studio-2", "studio-4")
    ),
)
"""Package and name: landscapes, things on tables, cities, people; 500 to 2900 pixels wide."""
WITH_FACES = {
    *(("startbootstrap-agency", f"team/{number}.jpg") for number in (1, 2, 3)),
    *(("startbootstrap-landing-page", f"testimonials-{number}.jpg") for number in (1, 2, 3)),
    *(("material-kit", f"examples/{name}.jpg") for name in ("mariya-georgieva", "studio-2")),
}
PUBLIC_DOMAIN = {("startbootstrap-clean-blog", "post-bg.jpg"), ("startbootstrap-clean-blog", "post-sample-image.jpg")}
"""By NASA: parts of these may stand in the docs."""


def theme_photograph(theme: str, name: str) -> npt.NDArray[np.uint8]:
    """One of `PHOTOGRAPHS`, [H, W, 3], sRGB. Raises FetchError."""
    version, sha256, folder = _THEMES[theme]
    with Image.open(io.BytesIO(npm_file(theme, version, sha256, f"{folder}/{name}"))) as opened:
        return np.asarray(opened.convert("RGB"))
