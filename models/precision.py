"""Gives the float tensors of an ONNX graph one precision, except those that ONNX defines as float32."""

from collections.abc import Iterable

import onnx
from onnx import TensorProto, defs, helper, numpy_helper, shape_inference

from models.graph import replace
from models.platforms import Precision

_FLOATS = frozenset({TensorProto.FLOAT, TensorProto.FLOAT16})
_ROI = ("Resize", 1)
"""May be float16 by the schema, which servers do not support."""


def set_precision(model: onnx.ModelProto, precision: Precision) -> None:
    """Gives every float tensor of the graph, including its input and output, the same precision.

    Casts between precisions become superfluous and are removed; casts from and to integers stay. Tensors that an operator takes or gives
    in float32 only, such as the scales of Resize, stay float32, together with the constants and the arithmetic on shapes that they are
    computed from; where they meet other tensors, they are cast. The nodes must be in topological order (see `prune`).
    """
    graph = model.graph
    floats = _float_values(model)
    _remove_casts(graph, floats)
    mixed = _Mixed(model, floats) if precision == "fp16" else None
    single = mixed.single if mixed else floats
    for tensor in graph.initializer:
        _convert(tensor, _type(tensor.name in single))
    for node in graph.node:
        _convert_attributes(node, _type(not single.isdisjoint(node.output)))
    for value in [*graph.input, *graph.output]:
        if value.type.tensor_type.elem_type in _FLOATS:
            value.type.tensor_type.elem_type = _type(value.name in single)
    if mixed:
        mixed.cast_where_types_meet(graph)
    del graph.value_info[:]


class _Mixed:
    """A graph in float16: which of its tensors, `single`, stay float32."""

    def __init__(self, model: onnx.ModelProto, floats: set[str]) -> None:
        self._versions = {opset.domain: opset.version for opset in model.opset_import}
        self._floats = floats
        self._producers = {name: node for node in model.graph.node for name in node.output}
        self.single: set[str] = set()
        varying = self._computed_from_input(model.graph)
        for node in model.graph.node:
            self._add(node.input[index] for index in self._fixed(node) if node.input[index] not in varying)
            if self._gives_single(node):
                self.single |= floats.intersection(node.output)

    def cast_where_types_meet(self, graph: onnx.GraphProto) -> None:
        """Inserts a cast before each input that has the other type."""
        nodes: list[onnx.NodeProto] = []
        made: set[str] = set()
        for node in graph.node:
            fixed = self._fixed(node)
            computed = not self.single.isdisjoint(node.output) and not self._gives_single(node)
            for index, name in enumerate(node.input):
                wanted = computed or index in fixed
                if name not in self._floats or wanted == (name in self.single):
                    continue
                cast = f"{name}.{'fp32' if wanted else 'fp16'}"
                if cast not in made:
                    nodes.append(helper.make_node("Cast", [name], [cast], to=_type(wanted)))
                    made.add(cast)
                node.input[index] = cast
            nodes.append(node)
        replace(graph.node, nodes)

    def _computed_from_input(self, graph: onnx.GraphProto) -> set[str]:
        """The tensors that depend on the values of the network's input, and not on its shape alone."""
        varying = {value.name for value in graph.input}
        for node in graph.node:
            if not varying.isdisjoint(node.input):
                varying |= self._floats.intersection(node.output)
        return varying

    def _add(self, names: Iterable[str]) -> None:
        """Keeps tensors, and the floats that they are computed from."""
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name not in self.single:
                self.single.add(name)
                if producer := self._producers.get(name):
                    waiting += self._floats.intersection([*producer.input, *producer.output])

    def _fixed(self, node: onnx.NodeProto) -> set[int]:
        """The inputs that have to be float32."""
        schema = self._schema(node)
        if schema is None:
            return set()
        parameters = [schema.inputs[min(index, len(schema.inputs) - 1)] for index in range(len(node.input))]
        return {
            index
            for index, parameter in enumerate(parameters)
            if node.input[index] in self._floats and (_only_single(parameter) or (node.op_type, index) == _ROI)
        }

    def _gives_single(self, node: onnx.NodeProto) -> bool:
        """Whether a node gives float32 whatever it takes."""
        if node.op_type == "Constant":
            return any(attribute.name in ("value_float", "value_floats") for attribute in node.attribute)
        if node.op_type == "ConstantOfShape":
            return not node.attribute
        schema = self._schema(node)
        return schema is not None and any(_only_single(parameter) for parameter in schema.outputs)

    def _schema(self, node: onnx.NodeProto) -> defs.OpSchema | None:
        try:
            return defs.get_schema(node.op_type, max_inclusive_version=self._versions.get(node.domain, 1), domain=node.domain)
        except defs.SchemaError:
            return None


def _type(single: bool) -> int:
    return TensorProto.FLOAT if single else TensorProto.FLOAT16


def _only_single(parameter: defs.OpSchema.FormalParameter) -> bool:
    return "tensor(float)" in parameter.types and "tensor(float16)" not in parameter.types


def _convert_attributes(node: onnx.NodeProto, wanted: int) -> None:
    for attribute in node.attribute:
        if attribute.type == onnx.AttributeProto.TENSOR:
            _convert(attribute.t, wanted)
        elif node.op_type == "Cast" and attribute.name == "to" and attribute.i in _FLOATS:
            attribute.i = wanted


def _convert(tensor: onnx.TensorProto, wanted: int) -> None:
    if tensor.data_type in _FLOATS and tensor.data_type != wanted:
        values = numpy_helper.to_array(tensor).astype(helper.tensor_dtype_to_np_dtype(wanted))
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


def _float_values(model: onnx.ModelProto) -> set[str]:
    graph = shape_inference.infer_shapes(model).graph
    values = [*graph.input, *graph.value_info, *graph.output]
    floats = {value.name for value in values if value.type.tensor_type.elem_type in _FLOATS}
    return floats | {tensor.name for tensor in graph.initializer if tensor.data_type in _FLOATS}


def _remove_casts(graph: onnx.GraphProto, floats: set[str]) -> None:
    """Removes casts from a float type to a float type. The one that produces the output becomes an Identity."""
    outputs = {value.name for value in graph.output}
    replaced: dict[str, str] = {}
    nodes = []
    for node in graph.node:
        replace(node.input, [replaced.get(name, name) for name in node.input])
        if node.op_type != "Cast" or node.attribute[0].i not in _FLOATS or node.input[0] not in floats:
            nodes.append(node)
        elif node.output[0] in outputs:
            nodes.append(helper.make_node("Identity", node.input, node.output, name=node.name))
        else:
            replaced[node.output[0]] = node.input[0]
    replace(graph.node, nodes)
