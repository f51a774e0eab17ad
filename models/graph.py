"""Rewrites an ONNX graph without changing what it computes: pruning, order, names, a dynamic batch."""

from collections.abc import Iterator, MutableSequence
from typing import TypeVar

import numpy as np
import onnx
from onnx import numpy_helper, shape_inference

from models.errors import ConversionError

_Item = TypeVar("_Item")


def prune(graph: onnx.GraphProto, output: str) -> None:
    """Keeps `output` as the only output and the nodes and weights that it needs, in topological order."""
    kept = [value for value in graph.output if value.name == output]
    if not kept:
        raise ConversionError(f"the graph has no output {output!r}, only {[value.name for value in graph.output]}")
    nodes = list(_topological(graph, output))
    used = {name for node in nodes for name in _reads(node)}
    replace(graph.node, nodes)
    replace(graph.output, kept)
    replace(graph.initializer, [tensor for tensor in graph.initializer if tensor.name in used])
    del graph.value_info[:]


def _topological(graph: onnx.GraphProto, output: str) -> Iterator[onnx.NodeProto]:
    producers = {name: node for node in graph.node for name in node.output}
    done: set[str] = set()
    stack = [output]
    while stack:
        node = producers.get(stack[-1])
        if node is None or node.output[0] in done:
            stack.pop()
            continue
        waiting = [name for name in _reads(node) if name in producers and producers[name].output[0] not in done]
        if waiting:
            stack.extend(waiting)
            continue
        done.add(node.output[0])
        yield node


def _reads(node: onnx.NodeProto) -> Iterator[str]:
    """The names that a node needs, including those that its nested branches and bodies take from outside."""
    yield from node.input
    for graph in _inner(node):
        for inner in graph.node:
            yield from _reads(inner)
        yield from (value.name for value in graph.output)


def _inner(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    for attribute in node.attribute:
        if attribute.type == onnx.AttributeProto.GRAPH:
            yield attribute.g
        yield from attribute.graphs


def rename(graph: onnx.GraphProto, name: str, new: str) -> None:
    """Renames a tensor wherever it is written or read, including inside branches and bodies."""
    for node in graph.node:
        replace(node.input, [new if each == name else each for each in node.input])
        replace(node.output, [new if each == name else each for each in node.output])
        for inner in _inner(node):
            rename(inner, name, new)
    for value in [*graph.input, *graph.output, *graph.value_info]:
        if value.name == name:
            value.name = new
    for tensor in graph.initializer:
        if tensor.name == name:
            tensor.name = new


def make_batch_dynamic(model: onnx.ModelProto) -> None:
    """Lets the first dimension of the only input and output vary.

    Exporters write the target of each Resize as a size that they read from the batch-1 example; it becomes a scale, which does not depend
    on the batch and which TensorRT also accepts. Raises ConversionError if a size is not a fixed multiple of its input.
    """
    graph = model.graph
    shapes = _static_shapes(model)
    for node in graph.node:
        if node.op_type == "Resize" and len(node.input) == 4:
            source, target = shapes.get(node.input[0]), shapes.get(node.output[0])
            if not source or not target or any(t % s for s, t in zip(source, target, strict=True)):
                raise ConversionError(f"the resize {node.name} from {source} to {target} has no fixed whole scale")
            name = f"{node.name}.scales"
            scales = np.array([t // s for s, t in zip(source, target, strict=True)], dtype=np.float32)
            graph.initializer.append(numpy_helper.from_array(scales, name))
            replace(node.input, [node.input[0], "", name])
    for value in [*graph.input, *graph.output]:
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    prune(graph, graph.output[0].name)


def _static_shapes(model: onnx.ModelProto) -> dict[str, list[int]]:
    graph = shape_inference.infer_shapes(model, data_prop=True).graph
    return {
        value.name: [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
        for value in [*graph.input, *graph.value_info, *graph.output]
        if all(dimension.dim_value for dimension in value.type.tensor_type.shape.dim)
    }


def replace(field: MutableSequence[_Item], items: list[_Item]) -> None:
    """Assigns to a repeated protobuf field, which cannot be assigned to."""
    del field[:]
    field.extend(items)
