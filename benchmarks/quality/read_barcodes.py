"""Barcodes read in photographs that are made, of which everything is known."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path

import cv2
import zxingcpp

from benchmarks.quality._barcode_scenes import KINDS, WAYS, Pixels, Scene, scene
from benchmarks.quality._cutout_photographs import Photographs
from benchmarks.quality._upscale_inputs import PACKAGES
from benchmarks.table import Section
from services.inference.codes.barcodes import read

_SETS: Mapping[str, tuple[Sequence[str], range]] = {
    "tuned": (("coffee.png", "china.jpg", "chelsea.png"), range(3)),
    "held out": (("astronaut.png", "flower.jpg", "rocket.jpg"), range(1000, 1003)),
}
"""Photographs behind the labels, and seeds of everything else: texts, places, angles, light."""
Reader = Callable[[Pixels], Sequence[str]]


def measure() -> Sequence[Section]:
    """What is read."""
    started = time.perf_counter()
    by_way = Section(
        "Barcodes in photographs",
        f"Labels with {len(KINDS)} symbologies, drawn, laid before a photograph and seen by a camera of 1.2 megapixels in {len(WAYS)} "
        "ways: `benchmarks/quality/_barcode_scenes.py` says what each is. *Wrong*: a text that is on no label. *Held out*: other "
        "photographs, "
        "texts, places, angles and lights than those that anything was "
        "tuned on. OpenCV's readers know QR codes, EAN and UPC-A alone.",
        ("set", "seen", "labels", "**read_barcodes**", "wrong", "ZXing-C++ alone", "wrong", "OpenCV", "wrong"),
    )
    missed: Counter[str] = Counter()
    with ProcessPoolExecutor() as pool:
        _judge(pool, by_way, missed)
    by_way.remarks = (
        f"Missed of the held out, by symbology: {', '.join(f'{kind} {count}' for kind, count in (+missed).most_common()) or 'none'}. "
        f"{time.perf_counter() - started:.0f} s on {os.cpu_count()} cores that others used, too."
    )
    return [by_way]


def _judge(pool: ProcessPoolExecutor, by_way: Section, missed: Counter[str]) -> None:
    for title in _SETS:
        total: Counter[tuple[str, str]] = Counter()
        for way in WAYS:
            found: Counter[tuple[str, str]] = Counter()
            scenes = list(_scenes(title, way))
            for kind, each in pool.map(_scored, scenes):
                found += each
                missed[kind] += title == "held out" and not each["ours", "right"]
            total += found
            by_way.rows.append(_row(title, way, len(scenes), found))
            print(*by_way.rows[-1], file=sys.stderr)
        by_way.rows.append(_row(title, "**all**", len(KINDS) * len(WAYS) * len(_SETS[title][1]), total))


def _scored(scene_: Scene) -> tuple[str, Counter[tuple[str, str]]]:
    """The kind, and how many texts each reader reads right and wrong."""
    found: Counter[tuple[str, str]] = Counter()
    for name, reader in _READERS.items():
        texts = reader(scene_.gray)
        found[name, "right"] += scene_.text in texts
        found[name, "wrong"] += len(set(texts) - {scene_.text})
    return scene_.kind, found


def _row(title: str, way: str, count: int, found: Mapping[tuple[str, str], int]) -> list[str]:
    return [title, way, str(count), *(str(found[name, what]) for name in _READERS for what in ("right", "wrong"))]


def _scenes(title: str, way: str) -> Iterator[Scene]:
    photographs, seeds = _SETS[title]
    for number, kind in enumerate(KINDS):
        for seed in seeds:
            background = _photograph(photographs[(seed + number) % len(photographs)])
            yield scene(kind, WAYS[way], background, seed * 1_000 + number * 31 + list(WAYS).index(way))


@cache
def _photograph(name: str) -> Pixels:
    return Photographs(Path(PACKAGES)).read(name)


def _ours(gray: Pixels) -> Sequence[str]:
    return [code.text for code in read(gray, quick=False, check=lambda: None)]


def _zxing(gray: Pixels) -> Sequence[str]:
    found = []
    for code in zxingcpp.read_barcodes(gray):
        text = code.text
        # As `read_barcodes` tells them, and as the labels have them.
        if str(code.format) == "EAN-13" and text.startswith("0"):
            text = text[1:]
        elif str(code.format) == "UPC-E" and len(text) >= 12:
            long = text[-12:]
            text = f"{long[:3]}{long[8:11]}{long[3]}{long[11]}"
        found.append(text)
    return found


def _opencv(gray: Pixels) -> Sequence[str]:
    bars = cv2.barcode.BarcodeDetector().detectAndDecodeMulti(gray)[1]
    squares = cv2.QRCodeDetector().detectAndDecodeMulti(gray)[1]
    return [text for text in (*(bars or ()), *(squares or ())) if text]


_READERS: Mapping[str, Reader] = {"ours": _ours, "zxing": _zxing, "opencv": _opencv}
