"""What is remembered of outputs for those who wait."""

from __future__ import annotations

import pytest

from darkroom.files.v1 import file_pb2
from darkroom.internal.tasks.v1 import attempt_service_pb2
from services.tasks.domain.lifecycle.recent_outputs import RecentOutputs
from services.tasks.files_client import input_file
from services.tasks.model.media import InputFile
from services.tasks.surfaces.internal.attempts import _hear


class Stream:
    """Notes what has been remembered by the time that an end is heard."""

    def __init__(self, recent: RecentOutputs, joined: str | None) -> None:
        self._recent, self.joined = recent, joined
        self.known: set[int] = set()

    def hear(self, **_said: object) -> None:
        self.known = set(self._recent.find((7, 8)))


@pytest.mark.parametrize(("joined", "known"), [(None, {7}), ("urn:darkroom:worker:7:gpu-box", set())])
def test_it_is_known_before_the_end_is_heard(joined: str | None, known: set[int]) -> None:
    """A joined worker may hold none of the attempts that it says have ended, so nothing is remembered."""
    recent = RecentOutputs()
    stream = Stream(recent, joined)
    output = file_pb2.File(id=7, name="a.png", media_type="image/png", size_bytes=5, image=file_pb2.ImageInfo(width=3, height=2))
    success = attempt_service_pb2.AttemptSuccess(output_file_ids=[7, 8], outputs=[output])
    ends = [attempt_service_pb2.AttemptEnd(task_id=1, attempt=1, success=success)]
    _hear(attempt_service_pb2.ExchangeRequest(ends=ends), stream, recent)
    assert stream.known == known
    file = InputFile(id=7, name="a.png", media_type="image/png", image_size=(3, 2), size_bytes=5)
    assert recent.find((7, 9)) == dict.fromkeys(known, file)


def test_the_oldest_make_room() -> None:
    recent = RecentOutputs(2)
    recent.keep(input_file(file_pb2.File(id=number)) for number in (1, 2, 3))
    assert set(recent.find((1, 2, 3))) == {2, 3}
