"""No method changes something that is administered without an entry in the audit log."""

from __future__ import annotations

from services.platform.audit.actions import ACTIONS
from tests.harness.audited_methods import AUDITED_ELSEWHERE, NOT_ADMINISTERED, audited, methods


def test_every_method_that_changes_something_has_an_action_or_a_reason_why_not() -> None:
    known = {**audited(), **AUDITED_ELSEWHERE}
    excused = {name for names in NOT_ADMINISTERED.values() for name in names}
    found = methods()
    undecided = {name for name, changes in found.items() if changes and name not in known and not {name, name.rpartition(".")[0]} & excused}
    assert not undecided, "say in tests/harness/audited_methods.py which action it enters, or why it needs none"
    assert known.keys() <= found.keys()
    assert excused <= {*found, *(name.rpartition(".")[0] for name in found)}
    assert not excused & known.keys()
    assert {*known.values()} <= ACTIONS.keys()


def test_every_action_is_of_a_method_or_of_the_operator() -> None:
    of_operator = {"account.created", "credits.granted", "credits.refunded", "worker.invited", "worker.revoked"}
    of_operator |= {action for action in ACTIONS if action.startswith("account.") and action.endswith("_set")}
    assert ACTIONS.keys() - {*audited().values(), *AUDITED_ELSEWHERE.values()} - of_operator == {"session.refused"}
