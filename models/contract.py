"""The interface that every model for a job has, whatever network is inside.

Pictures are uint8 and channels-last, as decoders produce them: a quarter of the bytes of float32 on the wire, and no client needs to know
how a network's input is normalised. The graph holds that normalisation, so that the same `model.onnx` behaves alike in every Triton
backend.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Job: TypeAlias = Literal["matte", "upscale", "detect", "paint", "read", "inpaint", "locate", "restore_face", "colorize", "denoise"]
DRAWING_JOBS: frozenset[Job] = frozenset({"upscale", "inpaint", "restore_face", "colorize", "denoise"})
"""Jobs whose results become pixels of a picture. Models with the others find something in it, and other code does the rest."""

INPUT = "image"

MATTE_SIDE = 1024
"""Height and width in pixels of the pictures that mattes are made from: every picture is resized to this for the model."""
INPAINT_SIDE = 512
"""Height and width in pixels of the windows that are inpainted."""
COLORIZE_SIDE = 512
"""Height and width in pixels of the gray pictures that colours are found for: every picture is resized to this for the model."""
FACE_SIDE = 512
"""Height and width in pixels of the aligned faces that are restored."""

LINE_HEIGHT = 48
"""Height in pixels of the lines of text that are read."""

NUMBER_ONE, NUMBER_ZERO = 1 << 14, 1 << 23
"""Codes of located numbers: the code of a number is `NUMBER_ONE` times it, rounded, plus `NUMBER_ZERO`; from -512 to 512, in 1/16384."""

CHROMA_ONE, CHROMA_ZERO = 1 << 7, 1 << 15
"""Codes of chroma: the code of a* or b* is `CHROMA_ONE` times it, rounded, plus `CHROMA_ZERO`; from -256 to 256, in 1/128."""

_OUTPUTS: dict[Job, str] = {
    "matte": "alpha",
    "upscale": "upscaled",
    "detect": "text",
    "paint": "paint",
    "read": "characters",
    "inpaint": "filled",
    "locate": "numbers",
    "restore_face": "restored",
    "colorize": "chroma",
    "denoise": "denoised",
}
_CHANNELS: dict[Job, int] = {
    "matte": 1,
    "upscale": 3,
    "detect": 1,
    "paint": 5,
    "read": 4,
    "inpaint": 3,
    "locate": 3,
    "restore_face": 3,
    "colorize": 4,
    "denoise": 3,
}


@dataclass(frozen=True, slots=True)
class Contract:
    """The input `image` is uint8 [N, height, width, channels], sRGB. The output is uint8 [N, …, channels].

    A matte has the size of its input, one channel, 0 for background and 255 for foreground. An upscaled picture is `scale` times as high
    and wide and has three channels. A detection has the size of its input and one channel: 255 where there certainly is text. An input for
    inpainting has a fourth channel, the mask: pixels over 127 are filled, and what they show is a first guess, since some networks blend it
    in at the border; other pixels stay unchanged. `height` and `width` are None where a model takes any size.

    An input for paint has a fourth channel that says where a mark is: 255 in a box around it, 0 around that, and 128 in all pixels if the
    place is not known. The result has the size of its input and five channels: how certain it is that a mark covers the pixel, the opacity
    of the mark's paint, and the paint's red, green and blue times its opacity.

    A reading of a line of text, 48 pixels high, is one pixel high and as many pixels wide as the network takes steps along the line, with
    four channels: a Unicode code point (most significant byte first; 0 where a step adds no character) and how sure that is, 0 to 255. A
    character given by several steps in a row was read once; a doubled character has a step without a character in between (connectionist
    temporal classification, Graves et al. 2006).

    A face that is restored is 512 pixels high and wide, aligned as in FFHQ (services/inference/faces/alignment.py). Its input has a fourth
    channel, the fidelity, the same in all pixels: from 0, a face as fine as the network can make it, to 255, the face unchanged. A network
    without such a setting ignores it.

    An input for denoising has a fourth channel, the standard deviation of the noise at each pixel, in quarters of a level; networks that
    estimate the noise themselves ignore it. The result has three channels, and is `scale` times as high and wide.

    A location is a table of `numbers` (rows, columns): their meaning depends on the model. A number is coded in three bytes, most
    significant first: see `NUMBER_ONE`.

    A gray picture that is to be given colours has three equal channels. Its chroma, CIELAB a* and b* (D65), is coded in two bytes each,
    see `CHROMA_ONE`: the channels are the high bytes of a* and b*, and then their low bytes.
    """

    job: Job
    height: int | None = None
    width: int | None = None
    scale: int = 1
    numbers: tuple[int, int] = (1, 1)

    @property
    def output(self) -> str:
        """The name of the output."""
        return _OUTPUTS[self.job]

    @property
    def input_dims(self) -> tuple[int | None, int | None, int]:
        """Height, width, channels of the input."""
        return self.height, self.width, 4 if self.job in ("paint", "inpaint", "restore_face", "denoise") else 3

    @property
    def output_dims(self) -> tuple[int | None, int | None, int]:
        """Height, width, channels of the output; of a table its rows, columns and the bytes of a number."""
        if self.job == "locate":
            return *self.numbers, _CHANNELS[self.job]
        height = 1 if self.job == "read" else self._scaled(self.height)
        return height, self._scaled(self.width), _CHANNELS[self.job]

    def _scaled(self, size: int | None) -> int | None:
        return None if size is None else size * self.scale


@dataclass(frozen=True, slots=True)
class Normalisation:
    """A network's input is (pixel - subtract) / divide, with pixel in 0..255 and one number each for R, G and B; for paint also one for the
    fourth channel."""

    subtract: tuple[float, ...]
    divide: tuple[float, ...]
