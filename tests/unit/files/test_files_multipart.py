import pytest

from services.files.domain.multipart import UploadedPart, check, completion_error
from services.files.objects import StoredPart
from services.platform.errors import DarkroomError, ErrorReason

STORED = {number: StoredPart(10, f'"etag{number}"') for number in (1, 2, 3)}


def parts(*pairs: tuple[int, str]) -> list[UploadedPart]:
    return [UploadedPart(number, etag) for number, etag in pairs]


def test_etags_are_taken_with_and_without_quotes_and_in_any_order() -> None:
    assert check(parts((2, "etag2"), (1, '"etag1"'), (3, '""etag3""')), STORED) == {1: '"etag1"', 2: '"etag2"', 3: '"etag3"'}


def test_fewer_parts_than_have_arrived_may_be_reported() -> None:
    assert set(check(parts((1, "etag1")), STORED)) == {1}


@pytest.mark.parametrize(
    ("reported", "field"),
    [
        ([], "parts"),
        ([(2, "etag2")], "parts[0].part_number"),
        ([(1, "etag1"), (3, "etag3")], "parts[1].part_number"),
        ([(1, "etag1"), (1, "etag1")], "parts[1].part_number"),
        ([(0, "etag1")], "parts[0].part_number"),
        ([(1, "etag1"), (2, "etag2"), (3, "etag3"), (4, "etag4")], "parts[3].part_number"),
        ([(1, "etag1"), (2, "etag1")], "parts[1].etag"),
    ],
)
def test_what_is_wrong_is_named(reported: list[tuple[int, str]], field: str) -> None:
    with pytest.raises(DarkroomError) as refusal:
        check(parts(*reported), STORED)
    assert refusal.value.reason is ErrorReason.FIELD_INVALID
    assert refusal.value.field == field


def test_storage_refusals_are_the_clients_to_mend() -> None:
    assert "5242880" in completion_error("EntityTooSmall").message
    assert completion_error("InvalidPart").reason is ErrorReason.FIELD_INVALID
