"""The structures of libjpeg's interface of version 6.2 (`jpeglib.h`), as far as the last field that is used of each; what follows is room.

The library refuses a structure of another size than its own.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_double, c_int, c_long, c_ubyte, c_uint, c_ushort, c_void_p

TABLES = 4
BLOCK = 64
"""Coefficients of a block."""
_MOST_COMPONENTS, _MOST_BLOCKS, _ARITHMETIC = 4, 10, 16

ON_ERROR = ctypes.CFUNCTYPE(None, c_void_p)
REQUEST = ctypes.CFUNCTYPE(c_void_p, c_void_p, c_int, c_int, c_uint, c_uint, c_uint)
ACCESS = ctypes.CFUNCTYPE(POINTER(c_void_p), c_void_p, c_void_p, c_uint, c_uint, c_int)


class QuantizationTable(ctypes.Structure):
    """`JQUANT_TBL`."""

    _fields_ = (("values", c_ushort * BLOCK), ("sent", c_int))


class Component(ctypes.Structure):
    """`jpeg_component_info`."""

    _fields_ = (
        ("component_id", c_int),
        ("component_index", c_int),
        ("across", c_int),
        ("down", c_int),
        ("quantization_table", c_int),
        ("entropy_tables", c_int * 2),
        ("width_in_blocks", c_uint),
        ("height_in_blocks", c_uint),
        ("scaled_size", c_int),
        ("downsampled_size", c_uint * 2),
        ("needed", c_int),
        ("units", c_int * 6),
        ("saved_table", c_void_p),
        ("dct_table", c_void_p),
    )


class Memory(ctypes.Structure):
    """`jpeg_memory_mgr`."""

    _fields_ = (
        ("allocating", c_void_p * 5),
        ("request_blocks", REQUEST),
        ("realize", c_void_p),
        ("access_samples", c_void_p),
        ("access_blocks", ACCESS),
        ("freeing", c_void_p * 2),
        ("most", c_long),
        ("most_at_once", c_long),
    )


class Errors(ctypes.Structure):
    """`jpeg_error_mgr`."""

    _fields_ = (
        ("error_exit", ON_ERROR),
        ("emit_message", c_void_p),
        ("output_message", ON_ERROR),
        ("format_message", c_void_p),
        ("reset", c_void_p),
        ("code", c_int),
        ("parameters", c_int * 20),
        ("trace_level", c_int),
        ("warnings", c_long),
        ("texts", c_void_p),
        ("last_text", c_int),
        ("other_texts", c_void_p),
        ("other_range", c_int * 2),
    )


_COMMON = (
    ("errors", POINTER(Errors)),
    ("memory", POINTER(Memory)),
    ("progress", c_void_p),
    ("client_data", c_void_p),
    ("is_decompressor", c_int),
    ("state", c_int),
    ("file", c_void_p),
    ("width", c_uint),
    ("height", c_uint),
)


class Decompressor(ctypes.Structure):
    """`jpeg_decompress_struct`."""

    _fields_ = (
        *_COMMON,
        ("components", c_int),
        ("color_space", c_int),
        ("out_color_space", c_int),
        ("scale", c_uint * 2),
        ("gamma", c_double),
        ("options", c_int * 11),
        ("output", c_int * 6),
        ("colormap", c_void_p),
        ("place", c_int * 5),
        ("coefficient_bits", c_void_p),
        ("quantization_tables", POINTER(QuantizationTable) * TABLES),
        ("entropy_tables", c_void_p * (2 * TABLES)),
        ("precision", c_int),
        ("component", POINTER(Component)),
        ("progressive", c_int),
        ("arithmetic", c_int),
        ("arithmetic_settings", c_ubyte * (3 * _ARITHMETIC)),
        ("restart_interval", c_uint),
        ("has_jfif", c_int),
        ("jfif", c_ubyte * 3),
        ("density", c_ushort * 2),
        ("has_adobe", c_int),
        ("adobe_transform", c_ubyte),
        ("other_sampling", c_int),
        ("markers", c_void_p),
        ("most_across", c_int),
        ("most_down", c_int),
        ("least_scaled", c_int),
        ("rows", c_uint),
        ("range_limit", c_void_p),
        ("components_in_scan", c_int),
        ("component_in_scan", c_void_p * _MOST_COMPONENTS),
        ("scan", c_int * (3 + _MOST_BLOCKS + 4)),
        ("unread_marker", c_int),
        ("parts", c_void_p * 11),
    )


class Compressor(ctypes.Structure):
    """`jpeg_compress_struct`."""

    _fields_ = (
        *_COMMON,
        ("input_components", c_int),
        ("in_color_space", c_int),
        ("gamma", c_double),
        ("precision", c_int),
        ("components", c_int),
        ("color_space", c_int),
        ("component", POINTER(Component)),
        ("quantization_tables", POINTER(QuantizationTable) * TABLES),
        ("entropy_tables", c_void_p * (2 * TABLES)),
        ("arithmetic_settings", c_ubyte * (3 * _ARITHMETIC)),
        ("scans", c_int),
        ("scan_script", c_void_p),
        ("raw_data", c_int),
        ("arithmetic", c_int),
        ("optimizes", c_int),
        ("other_sampling", c_int),
        ("smoothing", c_int),
        ("dct_method", c_int),
        ("restart_interval", c_uint),
        ("restart_rows", c_int),
        ("writes_jfif", c_int),
        ("jfif", c_ubyte * 3),
        ("density", c_ushort * 2),
        ("writes_adobe", c_int),
        ("next_row", c_uint),
        ("progressive", c_int),
        ("most_across", c_int),
        ("most_down", c_int),
        ("rows", c_uint),
        ("components_in_scan", c_int),
        ("component_in_scan", c_void_p * _MOST_COMPONENTS),
        ("scan", c_int * (3 + _MOST_BLOCKS + 4)),
        ("parts", c_void_p * 9),
        ("script_space", c_void_p),
        ("script_size", c_int),
    )
