"""Reading ncnn networks: a text `.param` file (the layers) and a binary `.bin` file (the weights).

Formats: https://github.com/Tencent/ncnn/wiki/param-and-model-file-structure
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.errors import ConversionError

_PARAM_MAGIC = 7767517
# An array parameter `id` is written with the key -23300 - id and the value "count,v1,v2,…".
_ARRAY_KEY = -23300

_TAG_FLOAT32 = 0x00000000
_TAG_FLOAT16 = 0x01306B47

Scalar: TypeAlias = int | float
Param: TypeAlias = Scalar | tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Layer:
    """One line of a `.param` file. `params` maps ncnn's parameter ids to their values."""

    kind: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    params: Mapping[int, Param]


class WeightReader:
    """A cursor over a `.bin` file, read in the order of the layers that own the weights."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def raw(self, count: int) -> NDArray[np.float32]:
        """`count` float32 values with no tag before them: biases and slopes."""
        return np.frombuffer(self._take(4 * count), dtype="<f4").astype(np.float32)

    def tagged_values(self, count: int) -> NDArray[np.float32]:
        """`count` values after a tag that gives their storage format (float32 or float16), widened to float32."""
        tag = int.from_bytes(self._take(4), "little")
        if tag == _TAG_FLOAT32:
            return self.raw(count)
        if tag == _TAG_FLOAT16:
            # The block is padded so that the next one begins at a multiple of four bytes.
            block = self._take(math.ceil(2 * count / 4) * 4)
            return np.frombuffer(block, dtype="<f2", count=count).astype(np.float32)
        raise ConversionError(f"ncnn weights: storage tag 0x{tag:08X} is not float32 or float16")

    def finish(self) -> None:
        """Raises ConversionError unless every byte was read, which shows that layers and weights match."""
        left = len(self._data) - self._position
        if left:
            raise ConversionError(f"ncnn weights: {left} bytes are left over after the last layer")

    def _take(self, size: int) -> bytes:
        end = self._position + size
        if end > len(self._data):
            raise ConversionError(f"ncnn weights: end of file, {end - len(self._data)} bytes are missing")
        block = self._data[self._position : end]
        self._position = end
        return block


def parse_param(text: str) -> tuple[Layer, ...]:
    """The layers of a `.param` file, in order. Raises ConversionError on a malformed file."""
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines or lines[0].strip() != str(_PARAM_MAGIC):
        raise ConversionError(f"ncnn .param: the first line is not {_PARAM_MAGIC}")
    counts = lines[1].split() if len(lines) > 1 else []
    if len(counts) != 2 or not counts[0].isdigit():
        raise ConversionError("ncnn .param: the second line is not '<layers> <blobs>'")
    layers = tuple(_parse_layer(line) for line in lines[2:])
    if len(layers) != int(counts[0]):
        raise ConversionError(f"ncnn .param: {counts[0]} layers are announced, {len(layers)} are there")
    return layers


def _parse_layer(line: str) -> Layer:
    words = line.split()
    try:
        kind, name, input_count, output_count = words[0], words[1], int(words[2]), int(words[3])
        blobs = words[4 : 4 + input_count + output_count]
        params = dict(_parse_param(word) for word in words[4 + input_count + output_count :])
    except (IndexError, ValueError) as error:
        raise ConversionError(f"ncnn .param: cannot read the line {line!r}") from error
    if len(blobs) != input_count + output_count:
        raise ConversionError(f"ncnn .param: blob names are missing in the line {line!r}")
    return Layer(kind, name, tuple(blobs[:input_count]), tuple(blobs[input_count:]), params)


def _parse_param(word: str) -> tuple[int, Param]:
    key_text, value = word.split("=")
    key = int(key_text)
    if key > _ARRAY_KEY:
        return key, _parse_scalar(value)
    count_text, *values = value.split(",")
    if len(values) != int(count_text):
        raise ValueError(word)
    return _ARRAY_KEY - key, tuple(_parse_scalar(item) for item in values)


def _parse_scalar(text: str) -> Scalar:
    return float(text) if any(mark in text for mark in ".eE") else int(text)


class Params:
    """Typed access to a layer's parameters that detects unread ones."""

    def __init__(self, layer: Layer) -> None:
        self._layer = layer
        self._unread = set(layer.params)

    def integer(self, key: int, default: int) -> int:
        """The parameter `key`, or `default` where the file leaves it out."""
        value = self._get(key, default)
        if not isinstance(value, int):
            raise self._error(key, "an integer")
        return value

    def number(self, key: int, default: float) -> float:
        """The same for a number that may have a fraction."""
        value = self._get(key, default)
        if isinstance(value, tuple):
            raise self._error(key, "a number")
        return float(value)

    def array(self, key: int) -> Sequence[float]:
        """The array parameter `key`, empty where the file leaves it out."""
        value = self._get(key, ())
        if not isinstance(value, tuple):
            raise self._error(key, "an array")
        return [float(item) for item in value]

    def finish(self) -> None:
        """Raises ConversionError if the layer has a parameter that was not read: ignoring it would change the result."""
        if self._unread:
            raise ConversionError(
                f"ncnn layer {self._layer.name} ({self._layer.kind}): parameters {sorted(self._unread)} are not supported"
            )

    def _get(self, key: int, default: Param) -> Param:
        self._unread.discard(key)
        return self._layer.params.get(key, default)

    def _error(self, key: int, wanted: str) -> ConversionError:
        return ConversionError(f"ncnn layer {self._layer.name}: parameter {key} is not {wanted}")
