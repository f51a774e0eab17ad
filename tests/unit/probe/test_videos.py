"""The headers of videos, which say how many frames there are and how long they take."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable

import pytest

from services.pictures.probe import webm
from services.platform.errors import DarkroomError, ErrorReason
from tests.unit.probe.test_probe import examine, reason, refusal
from tests.unit.probe.videos import sound_only, video

FRAGMENTED = (("movflags", "frag_keyframe+empty_moov+default_base_moof"),)
LIVE = (("live", "1"),)
"""As a browser records: neither lengths nor a duration are known when the headers are written."""
VIDEOS: dict[str, tuple[Callable[[], bytes], str, int, int]] = {
    "mp4": (lambda: video("mp4", 12), "video/mp4", 12, 500),
    "mp4 with sound": (lambda: video("mp4", 24, sound=True), "video/mp4", 24, 1000),
    "mp4 in fragments": (lambda: video("mp4", 30, options=FRAGMENTED), "video/mp4", 30, 1250),
    "mp4 in fragments with sound": (lambda: video("mp4", 30, sound=True, options=FRAGMENTED), "video/mp4", 30, 1250),
    "mov": (lambda: video("mov", 6), "video/quicktime", 6, 250),
    "webm": (lambda: video("webm", 12), "video/webm", 12, 500),
    "webm as recorded": (lambda: video("webm", 12, sound=True, options=LIVE), "video/webm", 12, 500),
    "one frame": (lambda: video("webm", 1), "video/webm", 1, 42),
}


@pytest.mark.parametrize("name", VIDEOS)
def test_frames_and_duration_are_found(name: str) -> None:
    make, media_type, frames, milliseconds = VIDEOS[name]
    found = examine(make())
    assert (found.media_type, found.width, found.height, found.frames) == (media_type, 64, 48, frames)
    assert found.duration_milliseconds == pytest.approx(milliseconds, abs=40)


def test_transparency_is_announced() -> None:
    assert examine(video("webm", 2, pixels="yuva420p")).has_alpha
    assert examine(video("mov", 2, pixels="yuva444p10le")).has_alpha
    assert not examine(video("mp4", 2)).has_alpha


def test_a_large_file_is_read_in_parts() -> None:
    """The index is behind the frames, and frames are not read."""
    data = video("mp4", 12)
    at = data.index(b"mdat") - 4
    length = int.from_bytes(data[at : at + 4], "big")
    larger = data[:at] + struct.pack(">I4sQ", 1, b"mdat", 16 + (64 << 20)) + bytes(64 << 20) + data[at + length :]
    assert examine(larger, 1 << 20).frames == 12


def test_frames_of_a_long_recording_are_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    data = video("webm", 96, 24, seed=1, options=(*LIVE, ("cluster_time_limit", "500")))
    monkeypatch.setattr(webm, "_COUNTED_BYTES", len(data) // 4)
    found = examine(data, len(data))
    assert found.frames is not None and found.frames == pytest.approx(96, rel=0.1)
    assert found.duration_milliseconds == pytest.approx(4000, rel=0.02)


def test_a_header_may_not_shorten_a_video() -> None:
    data = video("webm", 48)
    at = data.index(b"\x44\x89\x88") + 3
    shorter = data[:at] + struct.pack(">d", 1.0) + data[at + 8 :]
    assert examine(shorter).duration_milliseconds == pytest.approx(2000, abs=50)
    endless = data[:at] + struct.pack(">d", float("inf")) + data[at + 8 :]
    assert examine(endless).duration_milliseconds == pytest.approx(2000, abs=50)


@pytest.mark.parametrize("form", ["mp4", "webm"])
def test_sound_alone_is_no_video(form: str) -> None:
    error = refusal(sound_only(form))
    assert error.reason is ErrorReason.MEDIA_UNSUPPORTED
    assert "sound and no video" in error.message


@pytest.mark.parametrize(
    ("head", "word"),
    [
        (b"\x1a\x45\xdf\xa3\x93\x42\x82\x88matroska", "Matroska"),
        (b"RIFF\x10\0\0\0AVI LIST", "AVI"),
        (b"\0\0\0\x14ftypM4A \0\0\0\0M4A ", "sound"),
    ],
)
def test_other_media_are_named(head: bytes, word: str) -> None:
    error = refusal(head + bytes(200))
    assert error.reason is ErrorReason.MEDIA_UNSUPPORTED
    assert word in error.message
    assert "video/mp4" in error.allowed


def test_a_protected_video_is_named() -> None:
    error = refusal(video("mp4", 12).replace(b"avc1\0", b"encv\0"))
    assert error.reason is ErrorReason.FILE_ENCRYPTED


def _with_count(data: bytes, table: bytes, frames: int) -> bytes:
    at = data.index(table) + 12
    return data[:at] + struct.pack(">I", frames) + data[at + 4 :]


@pytest.mark.parametrize("form", ["mp4", "mov", "webm"])
def test_what_is_cut_off_is_damaged(form: str) -> None:
    data = video(form, 12)
    assert reason(data[: len(data) // 2]) is ErrorReason.FILE_CORRUPT
    assert reason(data[:100]) is ErrorReason.FILE_CORRUPT


@pytest.mark.parametrize("behind", [bytes(600), b"Sent from my phone\r\n" * 40, b"1234abcd", b"\n"])
def test_bytes_behind_the_end_are_ignored(behind: bytes) -> None:
    assert examine(video("mp4", 12) + behind).frames == 12


def test_claims_are_not_believed() -> None:
    data = video("mp4", 12)
    assert reason(_with_count(data, b"stsz", 1_000_000_000)) is ErrorReason.FILE_CORRUPT
    assert reason(_with_count(data, b"stsz", 0)) is ErrorReason.FILE_CORRUPT
    same_size = data.replace(b"stsz\0\0\0\0\0\0\0\0", b"stsz\0\0\0\0\0\0\0\1")
    assert reason(_with_count(same_size, b"stsz", 1_000_000_000)) is ErrorReason.FILE_CORRUPT
    without_index = data.replace(b"moov", b"free")
    assert reason(without_index) is ErrorReason.FILE_CORRUPT


@pytest.mark.parametrize("form", ["mp4", "mov", "webm"])
def test_a_broken_byte_never_breaks_the_prober(form: str) -> None:
    """Each answer is one of the prober's, whatever a byte says."""
    data = bytearray(video(form, 2))
    for at in range(0, min(len(data), 3000), 7):
        kept, data[at] = data[at], data[at] ^ 0xFF
        with contextlib.suppress(DarkroomError):
            examine(bytes(data))
        data[at] = kept
