"""Headers of camera raw files: those of a TIFF, with a thumbnail and what the sensor recorded in directories of their own."""

from __future__ import annotations

from services.files.probe import tiff
from services.files.probe.faults import Damaged
from services.files.probe.model import Probe
from services.files.probe.ranges import RangeFile
from services.pictures.media_format import MediaFormat

_MOST_DIRECTORIES = 64
_SENSOR_WIDTH, _SENSOR_HEIGHT, _SUB_DIRECTORIES = 2, 3, 330
_SIDES = ((tiff.WIDTH, _SENSOR_WIDTH), (tiff.LENGTH, _SENSOR_HEIGHT))
"""The tags of width and height, and those that Panasonic has instead."""
_COUNTS_ELSEWHERE = frozenset({MediaFormat.ORF, MediaFormat.RW2})
"""Their makers put the length of the recording into tags of their own."""


def parse(file: RangeFile, format_: MediaFormat) -> Probe:
    """Read all directories: the largest picture is what the sensor recorded, perhaps with a border that is not shown."""
    layout, position = tiff.start(file)
    waiting, seen, largest = [position], set[int](), (0, 0)
    while waiting and len(seen) < _MOST_DIRECTORIES:
        position = waiting.pop(0)
        if not position or position in seen:
            continue
        seen.add(position)
        tags, following = tiff.directory(file, layout, position, (_SENSOR_WIDTH, _SENSOR_HEIGHT, _SUB_DIRECTORIES))
        waiting += [*tags.get(_SUB_DIRECTORIES, ()), following]
        sides = [tags[one] if one in tags else tags.get(other, (0,)) for one, other in _SIDES]
        width, height = (side[0] if side else 0 for side in sides)
        largest = max(largest, (width, height), key=lambda size: size[0] * size[1])
        if format_ not in _COUNTS_ELSEWHERE:
            tiff.require_strips(file, tags)
    if not all(largest):
        raise Damaged("it holds no picture with a size")
    return Probe(media_type=format_.media_type, width=largest[0], height=largest[1], frames=1, has_alpha=False)
