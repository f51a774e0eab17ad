"""The task for a model and its input: operations, inputs and a priority."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import log

from buf.validate import validate_pb2

from darkroom.operations.v1 import operation_pb2, options_pb2, placement_pb2, resize_pb2
from services.pictures.operations import Arity, OperationSpec
from services.platform.errors import DarkroomError, ErrorReason, Violation
from services.platform.json_models import parse
from services.platform.rpc.validation import RequestValidator
from services.tasks.surfaces.fal.catalogue import IMAGE_EDIT, Model
from services.tasks.surfaces.fal.inputs import Inputs, input_fields, read_inputs
from services.tasks.surfaces.fal.models import Common, ZImage
from services.tasks.surfaces.fal.parameters import fill

_CLASSES = (("0.5K", 0.25), ("1K", 1.0), ("2K", 4.0))
"""Size classes of the generating operations, with the mebipixels that each has at most; larger pictures are of the last one."""
_LARGEST_CLASS = "4K"


def z_image(asked: ZImage, operation: str) -> list[operation_pb2.Operation]:
    """The steps that make the pictures with `operation`."""
    made = operation_pb2.Operation()
    parameters = getattr(made, operation)
    parameters.prompt = asked.prompt
    parameters.negative_prompt = asked.negative_prompt or ""
    parameters.count = asked.batch_size or 1
    if asked.width is None or asked.height is None:
        return [made]
    parameters.aspect_ratio = nearest_ratio(asked.width, asked.height, _ratios(parameters))
    parameters.resolution = size_class(asked.width, asked.height)
    exact = resize_pb2.Resize(width=asked.width, height=asked.height, fit=placement_pb2.FIT_CROP)
    return [made, operation_pb2.Operation(resize=exact)]


def nearest_ratio(width: int, height: int, ratios: list[str]) -> str:
    """The one that has to be cropped least."""
    return min(ratios, key=lambda ratio: abs(log(width / height) - log(_quotient(ratio))))


def size_class(width: int, height: int) -> str:
    """The smallest with at least as many pixels."""
    return next((name for name, mebipixels in _CLASSES if width * height <= mebipixels * 2**20), _LARGEST_CLASS)


def _ratios(parameters: object) -> list[str]:
    """The aspect ratios that an operation has."""
    field = parameters.DESCRIPTOR.fields_by_name["aspect_ratio"]  # type: ignore[attr-defined]
    allowed = getattr(field.GetOptions().Extensions[validate_pb2.field].string, "in")
    return [ratio for ratio in allowed if ":" in ratio]


def _quotient(ratio: str) -> float:
    width, _, height = ratio.partition(":")
    return int(width) / int(height)


HIGHEST_PRIORITY = 1000
_COMMON = tuple(Common.model_fields)
_validator = RequestValidator()


@dataclass(frozen=True, slots=True)
class Plan:
    """A request, as the platform understands it."""

    operations: list[operation_pb2.Operation]
    inputs: Inputs
    priority: int


def plan(model: Model, given: Mapping[str, object], generation: str) -> Plan:
    """The task of a model for an input. `generation` names the operation that makes the pictures of the surface's own models.

    Raises FIELD_INVALID with everything that is wrong.
    """
    given = {name: value for name, value in given.items() if value is not None}
    if model.operation is None:
        return _z_image(given, generation, edit=model.name == IMAGE_EDIT)
    return _operation(model.operation, given)


def queue_priority(asked: int | None, header: str) -> int:
    """The priority of a request within the platform's range; a header `low` puts it behind all others."""
    lowered = HIGHEST_PRIORITY if header.strip().lower() == "low" else 0
    return max(-HIGHEST_PRIORITY, min(HIGHEST_PRIORITY, asked or 0) - lowered)


def _z_image(given: Mapping[str, object], generation: str, *, edit: bool) -> Plan:
    kind = options_pb2.MEDIA_KIND_IMAGE if edit else options_pb2.MEDIA_KIND_UNSPECIFIED
    names = input_fields(kind)
    inputs, found = read_inputs(given, kind)
    asked = None
    try:
        asked = parse(ZImage, {name: value for name, value in given.items() if name not in names})
    except DarkroomError as error:
        found += error.violations
    if edit and not inputs.count and not found:
        found.append(Violation("image_url", "is required, or image_urls, input_urls, file_id or file_ids", "missing"))
    for one, other in (("width", "height"), ("height", "width")):
        if one in given and other not in given:
            found.append(Violation(other, f"is required together with {one}", "missing"))
    if asked is None or found:
        raise invalid(found)
    return Plan(z_image(asked, generation), inputs, asked.priority or 0)


def _operation(spec: OperationSpec, given: Mapping[str, object]) -> Plan:
    names = input_fields(spec.accepts) if spec.accepts else ()
    inputs, found = read_inputs(given, spec.accepts) if names else (Inputs(), [])
    operation = operation_pb2.Operation()
    parameters = getattr(operation, spec.name)
    parameters.SetInParent()
    left = {name: value for name, value in given.items() if name not in (*names, *_COMMON)}
    found += fill(parameters, left, others=(*names, *_COMMON))
    try:
        common = parse(Common, {name: value for name, value in given.items() if name in _COMMON})
    except DarkroomError as error:
        raise invalid([*found, *error.violations]) from None
    found += _set_count(spec, parameters, common.batch_size, given)
    found += _inputs_fit(spec, inputs, names) if not found else []
    if found:
        raise invalid(found)
    _validator.check(parameters)
    return Plan([operation], inputs, common.priority or 0)


def _set_count(spec: OperationSpec, parameters: object, asked: int | None, given: Mapping[str, object]) -> list[Violation]:
    field = spec.roles.get(options_pb2.PARAMETER_ROLE_COUNT)
    if asked is None or (asked == 1 and field is None):
        return []
    if field is None:
        return [Violation("batch_size", "must be 1: this model makes one result from each input")]
    if field in given:
        return [Violation("batch_size", f"cannot be given together with {field}")]
    setattr(parameters, field, asked)
    return []


def _inputs_fit(spec: OperationSpec, inputs: Inputs, names: tuple[str, ...]) -> list[Violation]:
    if not names:
        return []
    if not inputs.count and spec.arity is not Arity.REFERENCES:
        return [Violation(names[0], f"is required, or {', '.join(names[1:-1])} or {names[-1]}", "missing")]
    if spec.arity is Arity.REFERENCES and inputs.count > spec.max_references:
        return [Violation(names[1], f"must have at most {spec.max_references} items", "too_long")]
    return []


def invalid(found: list[Violation]) -> DarkroomError:
    """The refusal of an input."""
    told = "; ".join(f"{each.field}: {each.problem}" for each in found)
    return DarkroomError(ErrorReason.FIELD_INVALID, f"{told}.", violations=found)
