"""Reading TensorFlow Lite networks: one flatbuffer with the operators and their weights.

Schema: https://github.com/tensorflow/tensorflow/blob/master/tensorflow/compiler/mlir/lite/schema/schema.fbs, as the package `tflite` has
it. Weights may be sparse: `_dense` reads those as the schema's `SparsityParameters` describe them.
"""

import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
import tflite
from numpy.typing import NDArray

from models.errors import ConversionError

_TYPES: Mapping[int, str] = MappingProxyType(
    {tflite.TensorType.FLOAT32: "<f4", tflite.TensorType.FLOAT16: "<f2", tflite.TensorType.INT32: "<i4", tflite.TensorType.INT64: "<i8"}
)
_KINDS: Mapping[int, str] = MappingProxyType(
    {number: kind for kind, number in vars(tflite.BuiltinOperator).items() if isinstance(number, int)}
)
_IDENTIFIER = b"TFL3"
_Level: TypeAlias = int | tuple[list[int], list[int]]
"""How an axis of sparse weights is stored: its size if all of it is; else where the indices of each position above begin and end, and the
indices."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """A value of the network. `data` is None unless it is a constant."""

    name: str
    shape: tuple[int, ...]
    data: NDArray[Any] | None


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator. `kind` is its name in the schema, such as CONV_2D; inputs and outputs are tensors' numbers, -1 for one left out."""

    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Any
    """The table of its options, or None: read it with `options_of`."""


@dataclass(frozen=True, slots=True)
class Network:
    """The one graph of a file. Inputs and outputs are tensors' numbers."""

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def read_network(content: bytes) -> Network:
    """The network of a `.tflite` file. Raises ConversionError for a damaged file, more than one graph, or a type that is not supported."""
    if content[4:8] != _IDENTIFIER:
        raise ConversionError("TFLite: the file does not say TFL3")
    try:
        model = tflite.Model.GetRootAs(content)
        if model.SubgraphsLength() != 1:
            raise ConversionError(f"TFLite: {model.SubgraphsLength()} graphs, and one is wanted")
        graph = model.Subgraphs(0)
        return Network(
            tuple(_tensor(model, graph.Tensors(index)) for index in range(graph.TensorsLength())),
            tuple(_operator(model, graph.Operators(index)) for index in range(graph.OperatorsLength())),
            tuple(int(each) for each in graph.InputsAsNumpy()),
            tuple(int(each) for each in graph.OutputsAsNumpy()),
        )
    except (struct.error, IndexError, ValueError, TypeError, AttributeError) as error:
        raise ConversionError(f"TFLite: the file is damaged: {error}") from error


def options_of(operator: Operator, kind: type[Any]) -> Any:
    """The options of an operator as `kind`, a table of the package `tflite`."""
    if operator.options is None:
        raise ConversionError(f"TFLite {operator.kind}: its options are missing")
    options = kind()
    options.Init(operator.options.Bytes, operator.options.Pos)
    return options


def _operator(model: Any, operator: Any) -> Operator:
    code = model.OperatorCodes(operator.OpcodeIndex())
    # Numbers above 127 are in the newer field alone, and older files have only the older one.
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    return Operator(
        _KINDS.get(number, str(number)),
        tuple(int(each) for each in operator.InputsAsNumpy()),
        tuple(int(each) for each in operator.OutputsAsNumpy()),
        operator.BuiltinOptions(),
    )


def _tensor(model: Any, tensor: Any) -> Tensor:
    name = tensor.Name().decode()
    shape = tuple(int(tensor.Shape(index)) for index in range(tensor.ShapeLength()))
    buffer = model.Buffers(tensor.Buffer())
    if not buffer.DataLength():
        return Tensor(name, shape, None)
    if tensor.Type() not in _TYPES:
        raise ConversionError(f"TFLite tensor {name}: its type, number {tensor.Type()}, is not supported")
    values = np.frombuffer(buffer.DataAsNumpy().tobytes(), _TYPES[tensor.Type()])
    sparsity = tensor.Sparsity()
    if sparsity is not None:
        return Tensor(name, shape, _dense(name, values, sparsity, shape))
    if len(values) != math.prod(shape):
        raise ConversionError(f"TFLite tensor {name}: {len(values)} values do not fit the shape {shape}")
    return Tensor(name, shape, values.reshape(shape))


def _dense(name: str, values: NDArray[Any], sparsity: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    """Sparse weights with zeros where nothing is stored. Only those whose axes are stored in their order, without blocks."""
    if list(sparsity.TraversalOrderAsNumpy()) != list(range(len(shape))) or sparsity.BlockMapLength():
        raise ConversionError(f"TFLite tensor {name}: this way to store sparse weights is not supported")
    places = list(_places([_level(sparsity.DimMetadata(axis)) for axis in range(len(shape))], 0, 0))
    if len(places) != len(values):
        raise ConversionError(f"TFLite tensor {name}: {len(values)} values at {len(places)} places")
    result = np.zeros(shape, values.dtype)
    result[tuple(np.array(places, np.int64).reshape(-1, len(shape)).T)] = values
    return result


def _places(levels: Sequence[_Level], axis: int, position: int) -> Iterator[tuple[int, ...]]:
    """The index of each stored value, in the order in which they are stored. `position`: of what lies above, among all on its level."""
    if axis == len(levels):
        yield ()
        return
    level = levels[axis]
    if isinstance(level, int):
        below = [(index, position * level + index) for index in range(level)]
    else:
        segments, indices = level
        below = [(indices[each], each) for each in range(segments[position], segments[position + 1])]
    for index, there in below:
        for rest in _places(levels, axis + 1, there):
            yield index, *rest


def _level(axis: Any) -> _Level:
    if axis.Format() == tflite.DimensionType.DENSE:
        return int(axis.DenseSize())
    return _vector(axis.ArraySegments(), axis.ArraySegmentsType()), _vector(axis.ArrayIndices(), axis.ArrayIndicesType())


def _vector(table: Any, kind: int) -> list[int]:
    kinds = {
        tflite.SparseIndexVector.Int32Vector: tflite.Int32Vector,
        tflite.SparseIndexVector.Uint16Vector: tflite.Uint16Vector,
        tflite.SparseIndexVector.Uint8Vector: tflite.Uint8Vector,
    }
    if kind not in kinds:
        raise ConversionError(f"TFLite: sparse weights with indices of the kind {kind} are not supported")
    vector = kinds[kind]()
    vector.Init(table.Bytes, table.Pos)
    return [int(each) for each in vector.ValuesAsNumpy()]
