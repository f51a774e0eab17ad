"""What keys may do, by method."""

from __future__ import annotations

import pytest
from buf.validate import validate_pb2

from darkroom.common.v1 import scope_pb2
from darkroom.common.v1.scopes import SCOPES, scope_text
from darkroom.rest.v1 import audit_pb2, keys_pb2
from services.platform.audit.actions import ACTIONS
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import Identity, UserIdentity
from services.platform.rpc import catalogue
from services.platform.rpc.permissions import scope_of
from services.platform.rpc.policy import PolicyTable
from services.platform.scopes import require_scope

METHODS = [method for service in catalogue.public_services() for method in service.methods]


def test_texts() -> None:
    assert scope_text(scope_pb2.SCOPE_TASKS_WRITE) == "tasks:write"
    assert {"files:read", "files:write", "tasks:read", "tasks:write", "billing:read", "webhooks:write", "keys:write"} <= SCOPES.keys()
    assert scope_pb2.SCOPE_ANY not in SCOPES.values()


def test_json_takes_every_scope() -> None:
    rules = keys_pb2.CreateKeyRequest.DESCRIPTOR.fields_by_name["scopes"].GetOptions().Extensions[validate_pb2.field]
    assert set(getattr(rules.repeated.items.string, "in")) == SCOPES.keys()


def test_json_takes_every_action() -> None:
    rules = audit_pb2.ListAuditRequest.DESCRIPTOR.fields_by_name["action"].GetOptions().Extensions[validate_pb2.field]
    assert set(getattr(rules.repeated.items.string, "in")) == ACTIONS.keys()


def test_no_method_that_changes_something_is_open_to_readers() -> None:
    for method in METHODS:
        scope = scope_of(method)
        keyed = scope != scope_pb2.SCOPE_ANY and not catalogue.is_anonymous(method)
        if keyed and not method.name.startswith(("Get", "List", "Watch", "Stream", "Create", "Estimate")):
            assert scope_text(scope).endswith((":write", ":manage")), method.full_name


def test_what_a_limited_key_may_call() -> None:
    reader, nothing, everything = (Identity(1, 2, scopes=scopes) for scopes in (frozenset({"tasks:read"}), frozenset[str](), None))
    require_scope(scope_pb2.SCOPE_TASKS_READ, reader)
    require_scope(scope_pb2.SCOPE_ANY, nothing)
    for needed in (scope_pb2.SCOPE_TASKS_WRITE, scope_pb2.SCOPE_UNSPECIFIED):
        require_scope(needed, everything)
        with pytest.raises(DarkroomError) as refused:
            require_scope(needed, reader)
        assert refused.value.reason is ErrorReason.PERMISSION_DENIED
    with pytest.raises(DarkroomError, match="tasks:write, which"):
        require_scope(scope_pb2.SCOPE_TASKS_WRITE, reader)


def test_who_must_change_the_password_is_told_so() -> None:
    session = Identity(1, 2, scopes=frozenset(), user=UserIdentity("1", "ada", "user", frozenset(), must_change=True, session=True))
    require_scope(scope_pb2.SCOPE_ANY, session)
    for needed in (scope_pb2.SCOPE_TASKS_READ, scope_pb2.SCOPE_UNSPECIFIED):
        with pytest.raises(DarkroomError, match="ChangePassword") as refused:
            require_scope(needed, session)
        assert refused.value.reason is ErrorReason.PASSWORD_CHANGE_REQUIRED


def test_policies_carry_the_scope() -> None:
    (service,) = (one for one in catalogue.public_services() if one.full_name == "darkroom.tasks.v1.TasksService")
    assert PolicyTable([service]).of("/darkroom.tasks.v1.TasksService/CreateTask").scope == scope_pb2.SCOPE_TASKS_WRITE
