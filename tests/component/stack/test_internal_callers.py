"""Which service may call which internal method, asked of the running services with the keys of a stack."""

from __future__ import annotations

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass

from deploy.local.credentials import signing_key_file
from edge.topology import SERVICES
from services.platform.identity import Signer
from services.platform.rpc.permissions import callers_of
from tests.harness.internal_methods import internal_methods
from tests.stacks import StackUnderTest

_REFUSED = grpc.StatusCode.PERMISSION_DENIED


_METHODS = list(internal_methods())


@pytest.mark.cases(12)
@pytest.mark.parametrize(("server", "method"), _METHODS, ids=[f"{server}-{method.name}" for server, method in _METHODS])
def test_an_internal_method_answers_the_services_that_it_names_and_no_other(
    stack: StackUnderTest, server: str, method: MethodDescriptor
) -> None:
    named = set(callers_of(method))
    answered = {caller: _answer(stack, server, method, caller) for caller in SERVICES}
    assert {caller for caller, code in answered.items() if code is not _REFUSED} == named
    # An empty request may break the method's rules, but its sender is known.
    assert grpc.StatusCode.UNAUTHENTICATED not in answered.values()


def _answer(stack: StackUnderTest, server: str, method: MethodDescriptor, caller: str) -> grpc.StatusCode:
    """The status of a call with an empty request."""
    token = Signer(caller, signing_key_file(stack.stack.config.layout, caller)).service_metadata(1)
    options = (("grpc.default_authority", "darkroom"),)
    with grpc.insecure_channel(stack.internal_address(server), options) as channel:
        call = channel.unary_unary(
            f"/{method.containing_service.full_name}/{method.name}",
            GetMessageClass(method.input_type).SerializeToString,
            GetMessageClass(method.output_type).FromString,
        )
        try:
            call(GetMessageClass(method.input_type)(), metadata=token, timeout=60, wait_for_ready=True)
        except grpc.RpcError as error:
            code: grpc.StatusCode = error.code()
            return code
    return grpc.StatusCode.OK
