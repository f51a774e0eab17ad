"""Short clips whose alpha is known in every frame: subjects of photographs that move over others, as a camera and H.264 leave them."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import av
import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.quality import _cutout_shapes as shapes
from benchmarks.quality._cutout_photographs import Floats, Pixels, Pool, outline_subject

KINDS = ("still", "hair", "pan", "fast", "cut", "leaving")
FRAMES = 12
_SIZES = ((270, 480), (360, 480), (480, 360))
_EXPOSURES = 8  # instants that a moving frame is the mean of
_BORDER = 16  # pixels that a subject has around it, so that it ends within its plane
_CRFS = (22, 30)  # of H.264: from a good camera's to a messenger's
_NOISES = (1.5, 5.0)  # levels
_SUBJECTS = ("motorcycle_left.png",)  # backdrops that show something which the network might take for the subject

Matte = Callable[[Pixels], Pixels]
"""The model's alpha of a picture, uint8 1024 x 1024."""
Motion = Callable[[float], npt.NDArray[np.float64]]
"""The affine matrix, 2 x 3, that takes a layer into the frame at a time, in frames."""


@dataclass(frozen=True, slots=True)
class Clip:
    """Frames as a decoder gives them, and their truth."""

    name: str
    kind: str
    photographs: Sequence[str]
    frames: Sequence[Pixels]
    alphas: Sequence[Floats]
    """0 to 1."""


@dataclass(frozen=True, slots=True)
class _Layers:
    """A subject (colours and alpha) and what is behind it, each with its motion."""

    colours: Floats
    alpha: Floats
    background: Floats
    subject: Motion
    behind: Motion


def clips(pool: Pool, matte: Matte, seed: int, each: int) -> Iterator[Clip]:
    """So many clips of each kind. `matte` finds the outlines of the photographs' subjects."""
    for number in range(each):
        for place, kind in enumerate(KINDS):
            yield _clip(pool, matte, kind, np.random.default_rng((seed, number, place)))


def _clip(pool: Pool, matte: Matte, kind: str, rng: np.random.Generator) -> Clip:
    size = _SIZES[rng.integers(len(_SIZES))]
    scenes = [_layers(pool, matte, kind, size, rng) for _ in range(2 if kind == "cut" else 1)]
    drawn = []
    for number in range(FRAMES):
        _, layers = scenes[number * len(scenes) // FRAMES]
        drawn.append(_drawn(layers, number, size))
    noise, crf = rng.uniform(*_NOISES), round(rng.uniform(*_CRFS))
    noisy = []
    for picture, _ in drawn:
        levels = picture * 255 + rng.standard_normal(picture.shape, np.float32) * np.float32(noise)
        noisy.append(levels.round().clip(0, 255).astype(np.uint8))
    names = [name for names, _ in scenes for name in names]
    return Clip(f"{kind}: {', '.join(names)}", kind, names, _compressed(noisy, crf), [alpha for _, alpha in drawn])


def _layers(pool: Pool, matte: Matte, kind: str, size: tuple[int, int], rng: np.random.Generator) -> tuple[list[str], _Layers]:
    height, width = size
    standing = kind == "hair" or rng.random() < 0.5
    name = str(rng.choice(pool.people if standing else pool.things))
    photograph = pool.read(name)
    tall = min(round(height * rng.uniform(0.6, 0.85)), round(0.8 * width * photograph.shape[0] / photograph.shape[1]))
    # Drawn twice as large, since strands are thinner than a pixel.
    colours, alpha = outline_subject(photograph, matte(photograph), 2 * tall)
    if kind == "hair":
        length, count = rng.uniform(0.05, 0.15), int(rng.integers(600, 1600))
        alpha = shapes.with_strands(alpha, rng, count=count, length=length, below=0.42, curl=rng.uniform(0.05, 0.2))
    half = alpha.shape[1] // 2, alpha.shape[0] // 2
    around = (_BORDER, 0 if standing else _BORDER), (_BORDER, _BORDER)
    alpha = np.pad(cv2.GaussianBlur(_reduced(alpha, half), (0, 0), 0.6), around).astype(np.float32)
    colours = np.pad(_reduced(colours, half), (*around, (0, 0)), mode="edge")
    left = rng.uniform(0.1, 0.9) * (width - alpha.shape[1])
    top = height - alpha.shape[0] if standing else rng.uniform(0.2, 0.8) * (height - alpha.shape[0])
    behind = str(rng.choice([each for each in pool.backdrops if each not in (*pool.things, *_SUBJECTS)]))
    background = _filling(pool.read(behind), (round(height * 1.3), round(width * 1.3)), rng)
    return [name, behind], _Layers(colours, alpha, background, *_motions(kind, (left, top), alpha.shape, size, rng))


def _reduced(plane: Floats, size: tuple[int, int]) -> Floats:
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.float32)


def _motions(
    kind: str, start: tuple[float, float], shape: tuple[int, ...], size: tuple[int, int], rng: np.random.Generator
) -> tuple[Motion, Motion]:
    """How the subject and what is behind it move in a clip of a kind."""
    (height, width), (tall, wide) = size, shape[:2]
    left, top = start
    away = 1 if rng.random() < 0.5 else -1
    across, pans, turns = 0.0, 0.0, 0.0
    if kind in ("hair", "cut"):
        across, turns = away * rng.uniform(0.3, 1.5), rng.uniform(1, 3)
    elif kind == "pan":
        across, pans = away * rng.uniform(-1, 1), away * rng.uniform(2, 6)
    elif kind == "fast":
        across = away * rng.uniform(0.02, 0.05) * width
        left = (width - wide) / 2 - across * FRAMES / 2
    elif kind == "leaving":
        left = (width - wide) / 2
        across = away * (width + wide) / 2 / (FRAMES - 3)
    phase = rng.uniform(0, 2 * np.pi)

    def subject(time: float) -> npt.NDArray[np.float64]:
        matrix = cv2.getRotationMatrix2D((wide / 2, tall), turns * np.sin(time * 0.5 + phase), 1)
        return np.asarray(matrix + np.array([[0, 0, left + across * time], [0, 0, top]]))

    def behind(time: float) -> npt.NDArray[np.float64]:
        return np.array([[1, 0, -0.15 * width + pans * (time - FRAMES / 2)], [0, 1, -0.15 * height]])

    return subject, behind


def _drawn(layers: _Layers, number: int, size: tuple[int, int]) -> tuple[Floats, Floats]:
    """A frame as the lens sees it while the shutter is open, half of the time: colours and the subject's alpha."""
    height, width = size
    picture, alpha = np.zeros((height, width, 3), np.float32), np.zeros((height, width), np.float32)
    own = np.dstack([layers.colours * layers.alpha[..., None], layers.alpha])
    for instant in np.linspace(0, 0.5, _EXPOSURES):
        near = cv2.warpAffine(own, layers.subject(number + instant), (width, height), flags=cv2.INTER_LINEAR)
        far = cv2.warpAffine(layers.background, layers.behind(number + instant), (width, height), borderMode=cv2.BORDER_REFLECT_101)
        picture += (near[..., :3] + far * (1 - near[..., 3:])) / _EXPOSURES
        alpha += near[..., 3] / _EXPOSURES
    return picture, alpha.clip(0, 1)


def _filling(picture: Pixels, size: tuple[int, int], rng: np.random.Generator) -> Floats:
    """A photograph that fills height x width, tinted a little and more or less out of focus, 0 to 1."""
    scale = max(size[0] / picture.shape[0], size[1] / picture.shape[1])
    large = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    tinted = large[: size[0], : size[1]].astype(np.float32) / 255 * rng.uniform(0.75, 1.1, 3).astype(np.float32)
    blur = rng.choice([0, 0.005, 0.02]) * size[0]
    return np.asarray((cv2.GaussianBlur(tinted, (0, 0), blur) if blur else tinted).clip(0, 1), np.float32)


def _compressed(frames: Sequence[Pixels], crf: int) -> list[Pixels]:
    """The frames as a decoder of H.264 gives them."""
    file = io.BytesIO()
    height, width = frames[0].shape[:2]
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=Fraction(25), options={"crf": str(crf), "threads": "1"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    file.seek(0)
    with av.open(file, "r") as written:
        return [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in written.decode(video=0)]
