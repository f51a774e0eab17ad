"""Writing small TensorFlow Lite networks by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import flatbuffers
import numpy as np
import tflite

_TYPES = {
    np.dtype(np.float32): tflite.TensorType.FLOAT32,
    np.dtype(np.float16): tflite.TensorType.FLOAT16,
    np.dtype(np.int32): tflite.TensorType.INT32,
}


@dataclass(frozen=True)
class Given:
    """A tensor: with data a constant, of which `sparse` stores in the last axis only what is not zero."""

    shape: tuple[int, ...]
    data: np.ndarray | None = None
    sparse: bool = False


@dataclass(frozen=True)
class Made:
    """An operator; `options` writes its table, whose kind is the second."""

    kind: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Callable[[flatbuffers.Builder], int] | None = None
    options_kind: int = 0


def convolution(stride: int = 1, activation: int = 0, padding: int = 0, depthwise: bool = False) -> dict[str, Any]:
    """The options of a convolution, as arguments of `Made`."""
    name = "DepthwiseConv2DOptions" if depthwise else "Conv2DOptions"

    def write(builder: flatbuffers.Builder) -> int:
        def call(what: str, *arguments: int) -> Any:
            return getattr(tflite, f"{name}{what}")(builder, *arguments)

        call("Start")
        call("AddPadding", padding)
        call("AddStrideW", stride)
        call("AddStrideH", stride)
        call("AddDilationWFactor", 1)
        call("AddDilationHFactor", 1)
        call("AddFusedActivationFunction", activation)
        return int(call("End"))

    return {"options": write, "options_kind": getattr(tflite.BuiltinOptions, name)}


def empty(name: str) -> dict[str, Any]:
    """Options that all have their defaults."""

    def write(builder: flatbuffers.Builder) -> int:
        getattr(tflite, f"{name}Start")(builder)
        return int(getattr(tflite, f"{name}End")(builder))

    return {"options": write, "options_kind": getattr(tflite.BuiltinOptions, name)}


def network(tensors: Sequence[Given], operators: Sequence[Made], inputs: Sequence[int], outputs: Sequence[int]) -> bytes:
    """A file with these."""
    builder = flatbuffers.Builder(1024)
    contents = [b"", *(_stored(tensor) for tensor in tensors)]
    buffers = []
    for content in contents:
        data = builder.CreateByteVector(content) if content else None
        tflite.BufferStart(builder)
        if data is not None:
            tflite.BufferAddData(builder, data)
        buffers.append(tflite.BufferEnd(builder))
    places = [_tensor(builder, tensor, index) for index, tensor in enumerate(tensors)]
    kinds = sorted({operator.kind for operator in operators})
    codes = []
    for kind in kinds:
        tflite.OperatorCodeStart(builder)
        tflite.OperatorCodeAddDeprecatedBuiltinCode(builder, min(kind, 127))
        tflite.OperatorCodeAddBuiltinCode(builder, kind)
        codes.append(tflite.OperatorCodeEnd(builder))
    made = []
    for operator in operators:
        options = operator.options(builder) if operator.options else None
        taken, given = _numbers(builder, operator.inputs), _numbers(builder, operator.outputs)
        tflite.OperatorStart(builder)
        tflite.OperatorAddOpcodeIndex(builder, kinds.index(operator.kind))
        tflite.OperatorAddInputs(builder, taken)
        tflite.OperatorAddOutputs(builder, given)
        if options is not None:
            tflite.OperatorAddBuiltinOptionsType(builder, operator.options_kind)
            tflite.OperatorAddBuiltinOptions(builder, options)
        made.append(tflite.OperatorEnd(builder))
    parts = [_offsets(builder, places), _numbers(builder, inputs), _numbers(builder, outputs), _offsets(builder, made)]
    tflite.SubGraphStart(builder)
    for add, part in zip(("Tensors", "Inputs", "Outputs", "Operators"), parts, strict=True):
        getattr(tflite, f"SubGraphAdd{add}")(builder, part)
    graphs = _offsets(builder, [tflite.SubGraphEnd(builder)])
    codes_place, buffers_place = _offsets(builder, codes), _offsets(builder, buffers)
    tflite.ModelStart(builder)
    tflite.ModelAddVersion(builder, 3)
    tflite.ModelAddOperatorCodes(builder, codes_place)
    tflite.ModelAddSubgraphs(builder, graphs)
    tflite.ModelAddBuffers(builder, buffers_place)
    builder.Finish(tflite.ModelEnd(builder), b"TFL3")
    return bytes(builder.Output())


def _stored(tensor: Given) -> bytes:
    if tensor.data is None:
        return b""
    return (tensor.data[tensor.data != 0] if tensor.sparse else tensor.data).tobytes()


def _tensor(builder: flatbuffers.Builder, tensor: Given, index: int) -> int:
    name, shape = builder.CreateString(f"t{index}"), _numbers(builder, tensor.shape)
    sparsity = _sparsity(builder, tensor.data) if tensor.sparse and tensor.data is not None else None
    tflite.TensorStart(builder)
    tflite.TensorAddShape(builder, shape)
    tflite.TensorAddType(builder, _TYPES[np.dtype(np.float32) if tensor.data is None else tensor.data.dtype])
    tflite.TensorAddBuffer(builder, index + 1)
    tflite.TensorAddName(builder, name)
    if sparsity is not None:
        tflite.TensorAddSparsity(builder, sparsity)
    return int(tflite.TensorEnd(builder))


def _sparsity(builder: flatbuffers.Builder, data: np.ndarray) -> int:
    rows = data.reshape(-1, data.shape[-1])
    segments = np.cumsum([0, *(np.count_nonzero(row) for row in rows)]).astype(np.uint8)
    indices = np.concatenate([np.flatnonzero(row) for row in rows]).astype(np.uint8)
    axes = []
    for size in data.shape[:-1]:
        tflite.DimensionMetadataStart(builder)
        tflite.DimensionMetadataAddDenseSize(builder, size)
        axes.append(tflite.DimensionMetadataEnd(builder))
    vectors = []
    for values in (segments, indices):
        place = builder.CreateNumpyVector(values)
        tflite.Uint8VectorStart(builder)
        tflite.Uint8VectorAddValues(builder, place)
        vectors.append(tflite.Uint8VectorEnd(builder))
    tflite.DimensionMetadataStart(builder)
    tflite.DimensionMetadataAddFormat(builder, tflite.DimensionType.SPARSE_CSR)
    tflite.DimensionMetadataAddArraySegmentsType(builder, tflite.SparseIndexVector.Uint8Vector)
    tflite.DimensionMetadataAddArraySegments(builder, vectors[0])
    tflite.DimensionMetadataAddArrayIndicesType(builder, tflite.SparseIndexVector.Uint8Vector)
    tflite.DimensionMetadataAddArrayIndices(builder, vectors[1])
    axes.append(tflite.DimensionMetadataEnd(builder))
    order, described = _numbers(builder, range(data.ndim)), _offsets(builder, axes)
    tflite.SparsityParametersStart(builder)
    tflite.SparsityParametersAddTraversalOrder(builder, order)
    tflite.SparsityParametersAddDimMetadata(builder, described)
    return int(tflite.SparsityParametersEnd(builder))


def _numbers(builder: flatbuffers.Builder, values: Sequence[int]) -> int:
    return int(builder.CreateNumpyVector(np.array(values, np.int32)))


def _offsets(builder: flatbuffers.Builder, places: Sequence[int]) -> int:
    builder.StartVector(4, len(places), 4)
    for place in reversed(places):
        builder.PrependUOffsetTRelative(place)
    return int(builder.EndVector())
