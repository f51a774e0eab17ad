"""Quarter turns and mirroring of JPEG files, compared with NumPy's of what Pillow decodes."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest

from services.inference.lossless.libjpeg import turned
from services.inference.lossless.turn import UNTURNED, Turn
from services.inference.media.turning import FLIPS, turn_samples
from services.inference.media.turning import upright as turned_upright
from tests.unit.inference.lossless.jpegs import SAMPLINGS, decoded, jpeg, means, opened

TURNS = [Turn(*each) for each in itertools.product((False, True), repeat=3)]
BACK = {turn: next(other for other in TURNS if turn.then(other) == UNTURNED) for turn in TURNS}
KINDS = [{"progressive": False}, {"progressive": True}, {"restarts": 2}]
_ROUNDING = 4
"""Levels: decoders transform columns after rows, and round in between."""


def moved(samples: npt.NDArray[np.int16], turn: Turn) -> npt.NDArray[np.int16]:
    result = samples.swapaxes(0, 1) if turn.transposed else samples
    return result[:: -1 if turn.top_bottom else 1, :: -1 if turn.left_right else 1]


@pytest.mark.cases(18)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_each_block_is_moved_and_nothing_is_lost(sampling: str, kind: dict[str, int]) -> None:
    # Units of 32 and 16 pixels fit, and nothing is square.
    content = jpeg((96, 64), sampling, **kind)
    picture, blocks = decoded(content), means(content).astype(np.int16)
    for turn in TURNS:
        result = turned(content, turn)
        assert result is not None
        assert (means(result) == moved(blocks, turn)).all()
        assert np.abs(decoded(result) - moved(picture, turn)).max() <= _ROUNDING * (1 if sampling in ("444", "gray") else 2)
        back = turned(result, BACK[turn])
        assert back is not None and (decoded(back) == picture).all()
        assert opened(result).info.get("progressive", 0) == opened(content).info.get("progressive", 0)


@pytest.mark.parametrize("size", [(100, 64), (96, 75), (101, 67)])
@pytest.mark.parametrize("sampling", ["444", "422", "420", "gray"])
def test_an_incomplete_unit_stays_at_the_right_or_the_bottom(sampling: str, size: tuple[int, int]) -> None:
    content = jpeg(size, sampling)
    picture = decoded(content)
    unit = {"444": (8, 8), "422": (16, 8), "420": (16, 16), "gray": (8, 8)}[sampling]
    fitting = [turn for turn in TURNS if turn.fits(size, unit)]
    whole = [side % one == 0 for side, one in zip(size, unit, strict=True)]
    assert len(fitting) == (4 if any(whole) else 2)
    for turn in fitting:
        result = turned(content, turn)
        assert result is not None
        assert np.abs(decoded(result) - moved(picture, turn)).max() <= _ROUNDING * (1 if sampling in ("444", "gray") else 2)


def test_gray_samples_have_no_order_that_factors_change() -> None:
    content = jpeg((40, 24), "gray")
    frame = content.index(b"\xff\xc0")
    assert content[frame + 11] == 0x11
    odd = content[: frame + 11] + b"\x22" + content[frame + 12 :]
    for turn in TURNS:
        result = turned(odd, turn)
        assert result is not None and (means(result) == moved(means(content).astype(np.int16), turn)).all()


def test_tables_that_are_not_symmetric_are_turned_with_the_samples() -> None:
    content = bytearray(jpeg((64, 64), "gray"))
    table = content.index(b"\xff\xdb") + 5
    # Horizontal frequencies, the second of which comes first in the order of the file, count for more.
    content[table + 1] = 5
    picture = decoded(bytes(content))
    result = turned(bytes(content), Turn(transposed=True))
    assert result is not None and np.abs(decoded(result) - picture.T).max() <= _ROUNDING


def test_coefficients_that_no_coder_can_write_are_left_alone() -> None:
    """A DC coefficient sums up differences, which leave the range of 8-bit samples in a hostile file."""
    content = jpeg((64, 64), "gray")
    scan = content.index(b"\xff\xda")
    table = b"\xff\xc4\x00\x14\x00" + b"\x01" + bytes(15) + b"\x0b"
    ones = b"\xff\x00" * 200
    huge = content[:scan] + table + content[scan : scan + 10] + ones + b"\xff\xd9"
    assert turned(huge, Turn(left_right=True)) is None


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientations_are_those_of_decoded_samples(orientation: int) -> None:
    samples = np.arange(6, dtype=np.uint8).reshape(2, 3, 1)
    assert (moved(samples, Turn.upright(orientation)) == turned_upright(samples, orientation)).all()


@pytest.mark.parametrize("mirrored", list(itertools.product((False, True), repeat=2)))
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_turns_are_those_of_decoded_samples(degrees: int, mirrored: tuple[bool, bool]) -> None:
    samples = np.arange(6, dtype=np.uint8).reshape(2, 3, 1)
    turn = Turn.of(degrees, left_right=mirrored[0], top_bottom=mirrored[1])
    assert (moved(samples, turn) == turn_samples(samples, degrees, FLIPS.get(mirrored))).all()
    for other in TURNS:
        assert (moved(samples, turn.then(other)) == moved(moved(samples, turn), other)).all()
