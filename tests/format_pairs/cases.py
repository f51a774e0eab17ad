"""All cases: formats, and the pairs of traits that files in them can have."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from tests.format_pairs import rare, usual
from tests.format_pairs.traits import CUTS, ENDS, Held, Trait, Traits, fit

_T = Trait
_CUT = frozenset({*CUTS, _T.JUNK})


@dataclass(frozen=True, slots=True)
class Format:
    """A format: how its files are named and made, and the traits that they can have."""

    name: str
    make: Callable[[Traits], Held]
    traits: Traits
    end: bytes = b""
    """The mark at the end of a file, which may be missing."""
    never: Sequence[Traits] = ()
    """Traits that no file in the format has together, or no writer writes."""


_RAW = frozenset({_T.TURNED}) | _CUT
_CAMERAS = {
    **dict.fromkeys(("dng", "nef", "arw"), b"II*\0\x08\0\0\0"),
    "cr2": b"II*\0\x10\0\0\0CR\2\0\x10\0\0\0",
    "orf": b"IIRO\x08\0\0\0",
    "rw2": b"IIU\0\x08\0\0\0",
}
_LAYERED = frozenset({_T.P3, _T.GRAY, _T.INKS, _T.ALPHA, _T.DEEP, _T.FLOAT}) | _CUT
_HEIF = frozenset({_T.TURNED, _T.P3, _T.GRAY, _T.ALPHA, _T.DEEP, _T.PAGES}) | _CUT
_NOT_LAYERED = ({_T.INKS, _T.DEEP}, {_T.INKS, _T.FLOAT}, {_T.P3, _T.FLOAT}, {_T.GRAY, _T.FLOAT}, {_T.INKS, _T.ALPHA})
_NOT_HEIF = ({_T.GRAY, _T.ALPHA}, {_T.GRAY, _T.DEEP}, {_T.PAGES, _T.DEEP})
FORMATS: Mapping[str, Format] = {
    each.name: each
    for each in (
        Format(
            "jpg",
            usual.jpeg,
            frozenset({_T.TURNED, _T.P3, _T.GRAY, _T.INKS, _T.PAGES, _T.NO_END}) | _CUT,
            b"\xff\xd9",
            ({_T.GRAY, _T.PAGES}, {_T.INKS, _T.PAGES}),
        ),
        Format(
            "png",
            usual.png,
            frozenset({_T.TURNED, _T.P3, _T.GRAY, _T.ALPHA, _T.DEEP, _T.FRAMES, _T.NO_END}) | _CUT,
            b"\0\0\0\0IEND\xaeB`\x82",
        ),
        Format("webp", usual.webp, frozenset({_T.TURNED, _T.P3, _T.ALPHA, _T.FRAMES}) | _CUT),
        Format("gif", usual.gif, frozenset({_T.ALPHA, _T.FRAMES, _T.NO_END}) | _CUT, b";"),
        Format(
            "tif",
            usual.tiff,
            frozenset({_T.TURNED, _T.P3, _T.GRAY, _T.INKS, _T.ALPHA, _T.DEEP, _T.FLOAT, _T.PAGES}) | _CUT,
            b"",
            ({_T.INKS, _T.DEEP}, {_T.INKS, _T.FLOAT}),
        ),
        Format("heic", usual.heic, _HEIF, b"", _NOT_HEIF),
        Format("hif", usual.heif, _HEIF, b"", _NOT_HEIF),
        Format(
            "avif",
            usual.avif,
            frozenset({_T.TURNED, _T.P3, _T.ALPHA, _T.DEEP, _T.FRAMES}) | _CUT,
            b"",
            ({_T.TURNED, _T.DEEP}, {_T.FRAMES, _T.DEEP}, {_T.FRAMES, _T.TURNED}),
        ),
        Format("bmp", usual.bmp, frozenset({_T.TURNED, _T.P3, _T.ALPHA}) | _CUT),
        Format("jxl", rare.jxl, frozenset({_T.P3, _T.GRAY, _T.ALPHA, _T.DEEP, _T.FLOAT}) | _CUT),
        Format("ico", rare.ico, frozenset({_T.ALPHA, _T.PAGES}) | _CUT),
        Format("psd", rare.psd, _LAYERED, b"", _NOT_LAYERED),
        Format("psb", rare.psb, _LAYERED, b"", _NOT_LAYERED),
        Format("exr", rare.exr, frozenset({_T.P3, _T.ALPHA, _T.FLOAT, _T.PAGES}) | _CUT),
        Format("hdr", rare.hdr, frozenset({_T.TURNED}) | _CUT),
        Format("tga", rare.tga, frozenset({_T.TURNED, _T.ALPHA, _T.NO_END}) | _CUT, b"\0" * 8 + b"TRUEVISION-XFILE.\0"),
        *(Format(name, rare.raw(start), _RAW) for name, start in _CAMERAS.items()),
        Format("svg", rare.svg, frozenset({_T.ALPHA, _T.NO_END}) | _CUT, b"</svg>"),
    )
}


@dataclass(frozen=True, slots=True)
class Case:
    """A file of a format with one trait, two, or none."""

    format: Format
    traits: Traits

    @property
    def id(self) -> str:
        """Its name."""
        return f"{self.format.name}: {' + '.join(sorted(self.traits)) or 'plain'}"

    @property
    def name(self) -> str:
        """That of its file."""
        return f"file.{self.format.name}"

    @property
    def content_traits(self) -> Traits:
        """Those besides the way it ends."""
        return self.traits - ENDS

    def held(self) -> Held:
        """The whole file."""
        return self.format.make(self.content_traits)


def _cases() -> Iterator[Case]:
    for each in FORMATS.values():
        for count in (0, 1, 2):
            for traits in combinations(sorted(each.traits), count):
                chosen = frozenset(Trait(trait) for trait in traits)
                if fit(traits) and not any(set(never) <= chosen for never in each.never):
                    yield Case(each, chosen)


CASES = tuple(_cases())
