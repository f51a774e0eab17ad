"""Checks that every public method documents what it must, so that no document omits it."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor

from darkroom.common.v1 import options_pb2, scope_pb2
from reference.comments import Comments
from reference.operations import examples_of
from reference.schemas import is_about_reply
from services.platform.rpc import catalogue
from services.platform.rpc.permissions import access_of, scope_of


def problems() -> list[str]:
    """The missing parts, one line per problem."""
    comments = Comments()
    methods = (method for service in catalogue.public_services() for method in service.methods)
    return [f"{method.full_name}: {problem}" for method in methods for problem in _missing(method, comments)]


def _missing(method: MethodDescriptor, comments: Comments) -> Iterator[str]:
    if access_of(method) == options_pb2.ACCESS_ACCOUNT and scope_of(method) == scope_pb2.SCOPE_UNSPECIFIED:
        yield "option (darkroom.common.v1.scope) must say what a key needs for it"
    if not comments.of(method.full_name):
        yield "a comment must say what it does"
    takes_body = any(binding.has_body for binding in catalogue.bindings(method))
    only_form = catalogue.is_over_http(method.containing_service) and catalogue.takes_form(method)
    in_path = {
        name for binding in catalogue.bindings(method) for name in method.input_type.fields_by_name if f"{{{name}" in binding.template
    }
    in_body = {field.name for field in method.input_type.fields if not is_about_reply(field) and not _is_file(field)} - in_path
    if takes_body and in_body and not only_form and not examples_of(method):
        yield "option (darkroom.common.v1.examples) must show a request"


def _is_file(field: FieldDescriptor) -> bool:
    """Whether a form has the file itself in place of the field, which then is in no JSON."""
    options = field.GetOptions().Extensions
    return bool(options[options_pb2.form_part] == field.name or options[options_pb2.set_by_gateway])
