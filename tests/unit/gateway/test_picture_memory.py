"""What the gateway remembers of pictures by URL."""

from __future__ import annotations

from darkroom.internal.files.v1 import pictures_service_pb2 as pb
from services.gateway.surfaces.pictures.memory import LARGEST, REMEMBERED_SECONDS, Contents, Recent
from services.gateway.surfaces.pictures.routes import accepted_format


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def opened(until: float) -> pb.OpenPictureResponse:
    response = pb.OpenPictureResponse()
    response.expire_time.FromMicroseconds(int(until * 1e6))
    return response


def test_a_picture_is_opened_again_after_seconds_and_when_it_expires() -> None:
    clock = Clock()
    recent = Recent[str](clock)
    recent.add("long", opened(5000))
    recent.add("short", opened(1003))
    assert [known and known.uses for known in (recent.find("long"), recent.find("long"), recent.find("other"))] == [2, 2, None]
    clock.now += 4
    assert recent.find("short") is None
    clock.now += REMEMBERED_SECONDS
    assert recent.find("long") is None
    assert recent.add("long", opened(5000)).uses == 3


def test_the_least_recently_used_bytes_go_first() -> None:
    contents = Contents(10)
    contents.add(1, b"aaaa")
    contents.add(2, b"bbbb")
    assert contents.find(1) == b"aaaa"
    contents.add(3, b"cccc")
    assert (contents.find(1), contents.find(2), contents.find(3)) == (b"aaaa", None, b"cccc")
    contents.add(3, b"c")
    contents.add(4, b"dddd")
    assert contents.find(1) is not None
    assert not contents.takes(11)
    assert not Contents(10 * LARGEST).takes(LARGEST + 1)


def test_the_best_accepted_format() -> None:
    accepted = {
        "image/avif,image/webp,*/*;q=0.8": pb.ACCEPTED_FORMAT_AVIF,
        "image/WEBP ; q=0.5": pb.ACCEPTED_FORMAT_WEBP,
        "image/avif;q=0, image/webp": pb.ACCEPTED_FORMAT_WEBP,
        "image/avif;q=0.0": pb.ACCEPTED_FORMAT_UNSPECIFIED,
        "*/*": pb.ACCEPTED_FORMAT_UNSPECIFIED,
        "": pb.ACCEPTED_FORMAT_UNSPECIFIED,
    }
    assert {header: accepted_format(header) for header in accepted} == accepted
