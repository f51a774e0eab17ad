"""Videos as files, their prices, and which tasks take them, in the JSON API."""

from __future__ import annotations

import pytest

from tests.system.pictures import disc, encoded
from tests.system.pilio import Pilio
from tests.unit.probe.videos import video

Operation = dict[str, dict[str, object]]
RESIZE: Operation = {"resize": {"width": 32}}
READ: Operation = {"read_text": {}}
CUT: Operation = {"remove_background": {}}
TO_MP4: Operation = {"convert": {"format": "PICTURE_FORMAT_MP4"}}
TO_JPEG: Operation = {"convert": {"format": "PICTURE_FORMAT_JPEG"}}
HUGE: Operation = {"resize": {"width": 12_000, "height": 9_000, "fit": "FIT_FILL"}}


async def test_a_video_has_frames_that_cost(pilio: Pilio) -> None:
    clip = await pilio.upload("clip.mov", video("mp4", 51, 24))
    for operations, credits in (([CUT], 30), ([CUT, RESIZE], 31.5), ([CUT, TO_JPEG], 10.5)):
        priced = await pilio.post("/v1/estimate", {"file_ids": [clip], "operations": operations})
        assert priced.json()["data"]["list_credits"] == credits, priced.text
    record = (await pilio.get(f"/v1/files/{clip}")).json()["data"]
    assert {name: record[name] for name in ("media_type", "width", "height", "frames", "duration_milliseconds")} == {
        "media_type": "video/mp4",
        "width": 64,
        "height": 48,
        "frames": 51,
        "duration_milliseconds": 2125,
    }


@pytest.mark.parametrize(
    ("seconds", "operations", "code", "field", "message"),
    [
        (1, [READ], 40005, "file_ids[0]", "read_text does not take videos. Videos can be worked on by"),
        (1, [RESIZE, READ], 40005, "file_ids[0]", "read_text does not take videos"),
        (61, [RESIZE], 40007, "file_ids[0]", "the video takes 61.00 seconds; at most 60 are allowed"),
        (60, [HUGE], 40007, "file_ids[0]", "60 frames of 64 × 48 pixels would have after its operations 6,480 megapixels together"),
        (
            0,
            [TO_MP4],
            40001,
            "operations[0].convert.format",
            "MP4 is for animations and videos, and the file is a still picture (image/png)",
        ),
    ],
)
async def test_tasks_that_do_not_fit_a_video_say_why(
    pilio: Pilio, seconds: int, operations: list[Operation], code: int, field: str, message: str
) -> None:
    name, content = ("clip.mp4", video("mp4", seconds, 1)) if seconds else ("disc.png", encoded(disc(64, 48), "PNG"))
    file_id = await pilio.upload(name, content)
    refused = await pilio.post("/v1/estimate", {"file_ids": [file_id], "operations": operations})
    assert (refused.status_code, refused.json()["code"], refused.json()["data"].get("field")) == (400, code, field), refused.text
    assert message in refused.json()["message"]


async def test_a_file_that_is_no_video_says_what_it_is(pilio: Pilio) -> None:
    matroska = await pilio.upload("clip.webm", b"\x1a\x45\xdf\xa3\xa3\x42\x82\x88matroska" + bytes(500))
    refused = await pilio.post("/v1/estimate", {"file_ids": [matroska], "operations": [RESIZE]})
    assert refused.json()["code"] == 40005
    assert "Matroska" in refused.json()["message"]
    assert refused.json()["data"]["allowed"] == ["video/mp4", "video/webm", "video/quicktime"]
