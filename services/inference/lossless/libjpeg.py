"""Coded samples of JPEG files (ITU-T T.81), moved by libjpeg-turbo. Only for child processes: its errors end the process.

The library is the one that Pillow's wheels carry: it is kept up to date with them, and loaded already. No package with an interface to a
JPEG's coefficients is kept up and small: `jpeglib` brings 24 old libraries of 78 MB, ends the process likewise, and writes no progressive
file; `turbojpeg` has wheels for one version of Python.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from ctypes import POINTER, byref, c_int, c_size_t, c_ulong, c_void_p
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL

from services.inference.lossless.structures import BLOCK, ON_ERROR, TABLES, Component, Compressor, Decompressor, Errors
from services.inference.lossless.turn import Turn

Coefficients = npt.NDArray[np.int16]
"""Rows x columns of blocks, and in each the vertical x horizontal frequencies."""
_VERSION = 62
_FAILED = 70
"""Exit status."""
_IMAGE = 1
"""The pool of memory that lasts as long as a picture."""
_GREY = 1
_SIDE = 8
_LARGEST_FIRST, _LARGEST_OTHER = 1024, 1023
"""Magnitudes of coefficients of 8-bit samples that every coder can write (F.1.2), wherever they come to lie."""
_LIBRARY = "libjpeg.so.62"


@cache
def library() -> ctypes.CDLL | None:
    """The library, found before a child is confined; None if there is none."""
    bundled = sorted(Path(PIL.__file__).parent.parent.glob("pillow.libs/libjpeg-*.so.62*"))
    try:
        loaded = ctypes.CDLL(str(bundled[0]) if bundled else _LIBRARY)
        loaded.jpeg_read_coefficients.restype = POINTER(c_void_p)
        loaded.jpeg_std_error.restype = c_void_p
        loaded.jpeg_CreateDecompress.argtypes = loaded.jpeg_CreateCompress.argtypes = (c_void_p, c_int, c_size_t)
        loaded.jpeg_mem_src.argtypes = (c_void_p, ctypes.c_char_p, c_ulong)
        loaded.jpeg_mem_dest.argtypes = (c_void_p, c_void_p, c_void_p)
        loaded.jpeg_write_coefficients.argtypes = (c_void_p, POINTER(c_void_p))
    except (OSError, AttributeError):
        return None
    return loaded


def _end(_: object) -> None:
    """The library must not go on after an error, and nothing but the end of the process can stop it."""
    os._exit(_FAILED)


def _say_nothing(_: object) -> None:
    """Warnings are counted."""


_on_error, _on_message = ON_ERROR(_end), ON_ERROR(_say_nothing)
_free = ctypes.CDLL(None).free
_free.argtypes = (c_void_p,)
library()


def turned(data: bytes, turn: Turn) -> bytes | None:
    """A JPEG file of one or three components without metadata, whose samples are those of another, turned.

    The turn must fit the file's units. None if the file is damaged, or of a kind that is not surely turned. A file that no decoder can
    read ends the process.
    """
    loaded = library()
    if loaded is None:
        return None
    errors, source, result = _errors(loaded), Decompressor(), Compressor()
    source.errors = result.errors = ctypes.pointer(errors)
    address, length = c_void_p(), c_ulong()
    loaded.jpeg_CreateDecompress(byref(source), _VERSION, ctypes.sizeof(source))
    loaded.jpeg_CreateCompress(byref(result), _VERSION, ctypes.sizeof(result))
    try:
        loaded.jpeg_mem_src(byref(source), data, len(data))
        loaded.jpeg_read_header(byref(source), 1)
        if source.components not in (1, 3) or source.precision != 8 or source.arithmetic:
            return None
        stored = loaded.jpeg_read_coefficients(byref(source))
        read = [_read(source, source.component[number], stored[number]) for number in range(source.components)]
        if errors.warnings or not all(map(_is_writable, read)):
            return None
        loaded.jpeg_mem_dest(byref(result), byref(address), byref(length))
        _write(loaded, source, result, [_moved(each, turn) for each in read], turn)
        return None if errors.warnings else ctypes.string_at(address, length.value)
    finally:
        loaded.jpeg_destroy_compress(byref(result))
        loaded.jpeg_destroy_decompress(byref(source))
        _free(address)


def _errors(loaded: ctypes.CDLL) -> Errors:
    errors = Errors()
    loaded.jpeg_std_error(byref(errors))
    errors.error_exit, errors.output_message = _on_error, _on_message
    return errors


def _write(
    loaded: ctypes.CDLL, source: Decompressor, result: Compressor, moved: Sequence[tuple[Coefficients, Coefficients]], turn: Turn
) -> None:
    """Write moved coefficients, each with their signs. Markers that say how to understand the colours are left to the caller."""
    loaded.jpeg_copy_critical_parameters(byref(source), byref(result))
    if turn.transposed:
        result.width, result.height = source.height, source.width
        _transpose_tables(result)
    if source.progressive:
        loaded.jpeg_simple_progression(byref(result))
    result.optimizes, result.writes_jfif, result.writes_adobe = 1, 0, 0
    arrays = (c_void_p * len(moved))()
    for number, (blocks, _) in enumerate(moved):
        component = result.component[number]
        if turn.transposed:
            component.across, component.down = component.down, component.across
        if len(moved) == _GREY:
            # Samples of one component alone are in no order that factors could change (A.2.2).
            component.across = component.down = 1
        rows, columns = blocks.shape[:2]
        arrays[number] = result.memory.contents.request_blocks(
            ctypes.addressof(result), _IMAGE, 1, _whole(columns, component.across), _whole(rows, component.down), component.down
        )
    loaded.jpeg_write_coefficients(byref(result), arrays)
    for number, (blocks, signs) in enumerate(moved):
        for row in range(blocks.shape[0]):
            np.multiply(blocks[row], signs, out=_row(result, arrays[number], row, blocks.shape[1], writable=True))
    loaded.jpeg_finish_compress(byref(result))


def _read(source: Decompressor, component: Component, stored: int | None) -> Coefficients:
    columns = component.width_in_blocks
    read = np.empty((component.height_in_blocks, columns, _SIDE, _SIDE), np.int16)
    for row in range(read.shape[0]):
        read[row] = _row(source, stored, row, columns, writable=False)
    return read


def _row(owner: Decompressor | Compressor, stored: int | None, row: int, columns: int, *, writable: bool) -> Coefficients:
    """A row of blocks in the library's own memory."""
    rows = owner.memory.contents.access_blocks(ctypes.addressof(owner), stored, row, 1, writable)
    samples = (ctypes.c_int16 * (columns * BLOCK)).from_address(rows[0])
    return np.ctypeslib.as_array(samples).reshape(columns, _SIDE, _SIDE)


def _is_writable(blocks: Coefficients) -> bool:
    first = blocks[..., 0, 0]
    if first.min() < -_LARGEST_FIRST or first.max() > _LARGEST_FIRST:
        return False
    most = np.maximum(blocks.max(axis=(0, 1)), -blocks.min(axis=(0, 1)).astype(np.int32))
    most[0, 0] = 0
    return bool(most.max() <= _LARGEST_OTHER)


def _moved(blocks: Coefficients, turn: Turn) -> tuple[Coefficients, Coefficients]:
    """The blocks at their new places, and the signs of their coefficients: mirroring negates those of odd frequencies."""
    if turn.transposed:
        blocks = blocks.transpose(1, 0, 3, 2)
    signs = np.ones((_SIDE, _SIDE), np.int16)
    if turn.left_right:
        blocks = blocks[:, ::-1]
        signs[:, 1::2] *= -1
    if turn.top_bottom:
        blocks = blocks[::-1]
        signs[1::2] *= -1
    return blocks, signs


def _transpose_tables(result: Compressor) -> None:
    for number in range(TABLES):
        if result.quantization_tables[number]:
            values = result.quantization_tables[number].contents.values
            values[:] = np.array(values).reshape(_SIDE, _SIDE).T.ravel().tolist()


def _whole(count: int, of: int) -> int:
    return -(-count // of) * of
