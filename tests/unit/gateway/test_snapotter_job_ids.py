"""Public ids of jobs."""

from __future__ import annotations

import uuid
from itertools import pairwise

import pytest

from services.gateway.surfaces.snapotter.jobs.ids import Job, JobIds, JobKind

LARGEST = 10**15 - 1
IDS = JobIds(bytes(range(32)))


@pytest.mark.parametrize("kind", JobKind)
@pytest.mark.parametrize(("account", "number"), [(1, 1), (271828182845, 314159265358), (LARGEST, LARGEST)])
def test_an_id_says_which_job_it_stands_for(account: int, number: int, kind: JobKind) -> None:
    assert IDS.read(IDS.of(account, number, kind)) == Job(account, number, kind)


def test_ids_are_uuids_of_version_4_and_tell_nothing_of_their_neighbours() -> None:
    made = [uuid.UUID(IDS.of(7, number)) for number in range(1, 500)]
    assert {each.version for each in made} == {4}
    assert {each.variant for each in made} == {uuid.RFC_4122}
    differing = [(one.int ^ other.int).bit_count() for one, other in pairwise(made)]
    # Of 122 free bits, half differ on average, with a deviation of 5.5.
    assert 58 < sum(differing) / len(differing) < 64
    assert min(differing) > 35


def test_an_id_of_another_installation_means_nothing() -> None:
    assert JobIds(bytes(32)).read(IDS.of(7, 8)) is None


@pytest.mark.parametrize("text", ["", "x", "00000000-0000-4000-8000-000000000000", "{%s}", "urn:uuid:%s", "%s0"])
def test_what_is_no_id_means_nothing(text: str) -> None:
    assert IDS.read(text.replace("%s", IDS.of(7, 8))) is None


def test_made_up_uuids_mean_nothing() -> None:
    found = [IDS.read(str(uuid.uuid4())) for _ in range(2000)]
    assert sum(each is not None for each in found) <= 1


def test_capital_letters_are_the_same_id() -> None:
    assert IDS.read(IDS.of(7, 8).upper()) == Job(7, 8, JobKind.TASK)
