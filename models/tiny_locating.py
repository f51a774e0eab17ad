"""Generated networks for the job `locate`: they find discs of one colour as faces, with points where a face has them.

A face is drawn as a disc of the colour `SKIN`, at least 24 pixels wide in the 192 that the detector sees, on a ground of other colours; its
middle row and column have to be of that colour, too. Its eyes are `EYES_APART` of its width apart, `EYES_ABOVE` of it above the centre.
"""

import math

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from models.contract import INPUT, Contract
from models.locating import CODE, code_nodes, tensors
from models.wrapping import build

SKIN = 226, 176, 140
"""sRGB."""
EYES_APART, EYES_ABOVE = 0.4, 0.12

_NEAR = 24.0  # levels of each channel
_CELL = 4  # pixels of the detector's grid
_SURE, _NEVER = 4.0, -40.0  # logits
_DETECTOR, _MESH, _IRIS = 17, 468 * 3 + 1, (71 + 5) * 3  # numbers in a row
_CROP = 1.5  # widths of the face that the mesh's crop shows

# Which of the 468 points lie on a contour, in order around it, from the right in the picture on, downwards.
_OVAL = (
    *(454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67),
    *(109, 10, 338, 297, 332, 284, 251, 389, 356),
)
_EYE_LEFT = 133, 155, 154, 153, 145, 144, 163, 7, 33, 246, 161, 160, 159, 158, 157, 173
_EYE_RIGHT = 263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466
_LIPS = 291, 375, 321, 405, 314, 17, 84, 181, 91, 146, 61, 185, 40, 39, 37, 0, 267, 269, 270, 409


def tiny_locator(contract: Contract) -> onnx.ModelProto:
    """The detector, the mesh or the iris, by the number of columns."""
    return {_DETECTOR: _detector, _MESH: _mesh, _IRIS: _iris}[contract.numbers[1]](contract)


def _detector(contract: Contract) -> onnx.ModelProto:
    """A face wherever the runs of skin to the left and right, and up and down, are about as long as each other; at its middle."""
    cells = (contract.height or _CELL) // _CELL
    places = np.arange(cells, dtype=np.float32)
    constants: dict[str, NDArray[np.generic]] = {
        "skin": np.array(SKIN, dtype=np.float32),
        "near": np.array(_NEAR, dtype=np.float32),
        "half": np.array(0.5, dtype=np.float32),
        "cell": np.array(_CELL, dtype=np.float32),
        "off": np.array(0.75, dtype=np.float32),
        "smallest": np.array(5, dtype=np.float32),
        "longer": np.array(1.5, dtype=np.float32),
        "sure": np.array(_SURE, dtype=np.float32),
        "never": np.array(_NEVER, dtype=np.float32),
        "rows": np.array([-1, contract.numbers[0], 1], dtype=np.int64),
        "points": np.array(_KEYPOINTS, dtype=np.float32),
        "across": places.reshape(1, 1, cells),
        "down": places.reshape(1, cells, 1),
    }
    # Pixels that are not skin before and after a place in its row, or, of the turned picture, in its column.
    here, other = places.reshape(1, 1, cells, 1), places.reshape(1, 1, 1, cells)
    for axis in ("across", "down"):
        constants[f"{axis}.before"] = np.where(other < here, other, -1).astype(np.float32)
        constants[f"{axis}.after"] = np.where(other > here, other, cells).astype(np.float32)
        constants[f"{axis}.first"] = np.array(-1, np.float32)
        constants[f"{axis}.end"] = np.array(cells, np.float32)
    nodes = [
        helper.make_node("Cast", [INPUT], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["pixels", "skin"], ["difference"]),
        helper.make_node("Abs", ["difference"], ["distances"]),
        helper.make_node("ReduceMax", ["distances"], ["distance"], axes=[3], keepdims=1),
        helper.make_node("Less", ["distance", "near"], ["alike"]),
        helper.make_node("Cast", ["alike"], ["alike.1"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["alike.1"], ["plane"], perm=[0, 3, 1, 2]),
        helper.make_node("AveragePool", ["plane"], ["share"], kernel_shape=[_CELL, _CELL], strides=[_CELL, _CELL]),
        helper.make_node("Greater", ["share", "half"], ["skin.1"]),
        helper.make_node("Squeeze", ["skin.1", "one"], ["inside"]),
    ]
    constants["one"] = np.array([1], dtype=np.int64)
    # [N, row, here, other], and the same of columns.
    nodes += [
        helper.make_node("Unsqueeze", ["inside", "two"], ["across.others"]),
        helper.make_node("Transpose", ["inside"], ["turned"], perm=[0, 2, 1]),
        helper.make_node("Unsqueeze", ["turned", "two"], ["down.others"]),
    ]
    constants["two"] = np.array([2], dtype=np.int64)
    for name in ("across", "down"):
        nodes += [
            helper.make_node("Where", [f"{name}.others", f"{name}.first", f"{name}.before"], [f"{name}.befores"]),
            helper.make_node("Where", [f"{name}.others", f"{name}.end", f"{name}.after"], [f"{name}.afters"]),
            helper.make_node("ReduceMax", [f"{name}.befores"], [f"{name}.from"], axes=[3], keepdims=0),
            helper.make_node("ReduceMin", [f"{name}.afters"], [f"{name}.to"], axes=[3], keepdims=0),
            helper.make_node("Add", [f"{name}.from", f"{name}.to"], [f"{name}.sum"]),
            helper.make_node("Mul", [f"{name}.sum", "half"], [f"{name}.middle.1"]),
            helper.make_node("Sub", [f"{name}.to", f"{name}.from"], [f"{name}.size.1"]),
        ]
    nodes += [
        helper.make_node("Identity", ["across.middle.1"], ["across.middle"]),
        helper.make_node("Identity", ["across.size.1"], ["across.size"]),
        helper.make_node("Transpose", ["down.middle.1"], ["down.middle"], perm=[0, 2, 1]),
        helper.make_node("Transpose", ["down.size.1"], ["down.size"], perm=[0, 2, 1]),
    ]
    conditions = ["inside"]
    for name, beside in (("across", "down"), ("down", "across")):
        nodes += [
            helper.make_node("Sub", [f"{name}.middle", name], [f"{name}.offset"]),
            helper.make_node("Abs", [f"{name}.offset"], [f"{name}.distance"]),
            helper.make_node("Less", [f"{name}.distance", "off"], [f"{name}.central"]),
            helper.make_node("Greater", [f"{name}.size", "smallest"], [f"{name}.large"]),
            helper.make_node("Mul", [f"{beside}.size", "longer"], [f"{name}.most"]),
            helper.make_node("Less", [f"{name}.size", f"{name}.most"], [f"{name}.round"]),
        ]
        conditions += [f"{name}.central", f"{name}.large", f"{name}.round"]
    found = conditions[0]
    for index, condition in enumerate(conditions[1:]):
        nodes.append(helper.make_node("And", [found, condition], [f"found{index}"]))
        found = f"found{index}"
    nodes.append(helper.make_node("Where", [found, "sure", "never"], ["score"]))
    values = [("across.offset", "x"), ("down.offset", "y"), ("across.size", "w"), ("down.size", "h")]
    for value, name in values:
        nodes += [
            helper.make_node("Reshape", [value, "rows"], [f"{name}.cells"]),
            helper.make_node("Mul", [f"{name}.cells", "cell"], [name]),
        ]
    constants["point.shares"] = np.array(_KEYPOINTS, dtype=np.float32).reshape(1, 1, -1)
    constants["point.across"] = np.array([1, 0] * (len(_KEYPOINTS) // 2), dtype=np.float32).reshape(1, 1, -1)
    constants["point.down"] = 1 - np.asarray(constants["point.across"], np.float32)
    nodes += [
        helper.make_node("Mul", ["w", "point.shares"], ["points.off"]),
        helper.make_node("Mul", ["x", "point.across"], ["points.x"]),
        helper.make_node("Mul", ["y", "point.down"], ["points.y"]),
        helper.make_node("Sum", ["points.off", "points.x", "points.y"], ["keypoints"]),
        helper.make_node("Reshape", ["score", "rows"], ["scores"]),
        helper.make_node("Concat", ["x", "y", "w", "h", "keypoints", "scores"], ["values"], axis=2),
        *code_nodes("values", contract.output),
    ]
    used = {name for node in nodes for name in node.input}
    return build(contract, nodes, tensors({name: value for name, value in (constants | CODE).items() if name in used}))


_KEYPOINTS = (
    *(-EYES_APART / 2, -EYES_ABOVE),
    *(EYES_APART / 2, -EYES_ABOVE),
    *(0.0, 0.08),
    *(0.0, 0.25),
    *(-0.5, -0.05),
    *(0.5, -0.05),
)
"""Eyes, nose, mouth, ears from the middle of a face, across and down, in its widths."""


def _mesh(contract: Contract) -> onnx.ModelProto:
    """The same points in every picture; a face if its middle is of the colour of skin."""
    side = contract.height or 1
    face = side / _CROP
    points = np.full((468, 3), (side / 2, side / 2, 0), dtype=np.float32)
    eyes = side / 2 - EYES_ABOVE * face
    for contour, x, y, across, down in (
        (_OVAL, side / 2, side / 2, face / 2, face / 2),
        (_EYE_LEFT, side / 2 - EYES_APART / 2 * face, eyes, 0.09 * face, 0.06 * face),
        (_EYE_RIGHT, side / 2 + EYES_APART / 2 * face, eyes, 0.09 * face, 0.06 * face),
        (_LIPS, side / 2, side / 2 + 0.25 * face, 0.14 * face, 0.06 * face),
    ):
        points[list(contour), :2] = _ellipse(len(contour), x, y, across, down)
    return _constant_where_there_is_skin(contract, points.ravel())


def _iris(contract: Contract) -> onnx.ModelProto:
    """An eye in the middle of every picture, its iris a quarter as wide."""
    side = contract.height or 1
    contour = _ellipse(71, side / 2, side / 2, side * 0.2, side * 0.13)
    iris = np.array([(0, 0), (1, 0), (0, -1), (-1, 0), (0, 1)], dtype=np.float32) * side / 8 + side / 2
    points = np.zeros((76, 3), dtype=np.float32)
    points[:, :2] = np.concatenate([contour, iris])
    return _constant_where_there_is_skin(contract, points.ravel())


def _ellipse(count: int, x: float, y: float, across: float, down: float) -> NDArray[np.float32]:
    angles = np.arange(count) * 2 * math.pi / count
    return np.stack([x + across * np.cos(angles), y + down * np.sin(angles)], axis=1).astype(np.float32)


def _constant_where_there_is_skin(contract: Contract, values: NDArray[np.float32]) -> onnx.ModelProto:
    """These numbers; and, if there is a column left, a logit: whether most of the middle fifth of the picture is of the colour of skin."""
    side = contract.height or 1
    constants: dict[str, NDArray[np.generic]] = {
        "given": values.reshape(1, 1, -1),
        "skin": np.array(SKIN, dtype=np.float32),
        "near": np.array(_NEAR, dtype=np.float32),
        "start": np.array([side * 2 // 5] * 2, dtype=np.int64),
        "end": np.array([side * 3 // 5] * 2, dtype=np.int64),
        "axes": np.array([1, 2], dtype=np.int64),
        "half": np.array(0.5, dtype=np.float32),
        "gain": np.array(2 * _SURE, dtype=np.float32),
        "zero": np.array(0, dtype=np.float32),
        "row": np.array([-1, 1, 1], dtype=np.int64),
    }
    nodes = [
        helper.make_node("Cast", [INPUT], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Slice", ["pixels", "start", "end", "axes"], ["middle"]),
        helper.make_node("Sub", ["middle", "skin"], ["difference"]),
        helper.make_node("Abs", ["difference"], ["distances"]),
        helper.make_node("ReduceMax", ["distances"], ["distance"], axes=[3], keepdims=1),
        helper.make_node("Less", ["distance", "near"], ["alike"]),
        helper.make_node("Cast", ["alike"], ["share"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["share"], ["skin.share"], axes=[1, 2, 3], keepdims=1),
        helper.make_node("Reshape", ["skin.share", "row"], ["shares"]),
        helper.make_node("Sub", ["shares", "half"], ["more"]),
        helper.make_node("Mul", ["more", "gain"], ["logit"]),
        helper.make_node("Mul", ["logit", "zero"], ["nothing"]),
        helper.make_node("Add", ["given", "nothing"], ["numbers.1"]),
    ]
    parts = ["numbers.1", "logit"] if contract.numbers[1] > values.size else ["numbers.1"]
    nodes += [helper.make_node("Concat", parts, ["values"], axis=2), *code_nodes("values", contract.output)]
    return build(contract, nodes, tensors(constants | CODE))
