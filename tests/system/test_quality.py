"""Each job that needs networks with their real weights, and a look at the pictures."""

from __future__ import annotations

import io

import numpy as np
import pypdfium2
import pytest
from PIL import Image
from pypdf import PdfReader

from tests.stacks import StackUnderTest
from tests.system.pictures import Array, encoded, opened, pixels
from tests.system.pilio import Pilio
from tests.system.seams import borders, seams
from tests.system.test_pilio_pdfs import scan
from tests.unit.watermark.marked import error, layer, over, photo


@pytest.fixture
async def client(real_stack: StackUnderTest) -> Pilio:
    return Pilio(real_stack.url, real_stack.create_account("quality").api_key)


@pytest.mark.thorough
async def test_a_person_is_cut_out(client: Pilio, portrait: bytes) -> None:
    result = pixels(await client.run("/v1/images/remove-background", {"image_file_id": await client.upload("portrait.jpg", portrait)}))
    alpha = result[..., 3]
    assert result.shape == (512, 512, 4)
    # Face and torso are kept, the flag and the shuttle model behind her are not.
    assert alpha[60:120, 190:260].min() > 240
    assert alpha[300:500, 150:300].mean() > 240
    assert alpha[:200, 400:].mean() < 15
    assert alpha[:150, :60].mean() < 15
    assert not result[alpha == 0].any()
    opaque = alpha == 255
    difference = np.abs(result[..., :3].astype(int) - pixels(portrait).astype(int)).max(axis=2)
    assert difference[opaque].max() <= 1
    soft = ((alpha > 0) & (alpha < 255)).mean()
    assert 0.002 < soft < 0.15


@pytest.mark.thorough
async def test_twice_the_size_with_the_same_colours_and_no_seam(client: Pilio, portrait: bytes) -> None:
    result = opened(await client.run("/v1/images/upscale", {"image_file_id": await client.upload("portrait.jpg", portrait)}))
    assert result.size == (1024, 1024)
    shrunk = np.asarray(result.convert("RGB").resize((512, 512), Image.Resampling.BOX)).astype(int)
    original = pixels(portrait).astype(int)
    assert np.abs(shrunk - original).mean() < 6
    assert np.abs(shrunk.mean(axis=(0, 1)) - original.mean(axis=(0, 1))).max() < 1.5
    enlarged = np.asarray(opened(portrait).resize((1024, 1024), Image.Resampling.BICUBIC))
    assert _sharpness(np.asarray(result.convert("RGB"))) > 1.2 * _sharpness(enlarged)
    grey = np.asarray(result.convert("RGB")).astype(float).mean(axis=2)
    # It was tiled, nothing shows where, and a step of three levels of 255 would.
    at = borders(512, 2)
    assert len(at) >= 1
    for direction in (grey, grey.T):
        assert seams(direction, at) == []
        for column in at:
            broken = direction.copy()
            broken[:, column:] += 3
            assert seams(broken, at) == [column]


@pytest.mark.thorough
async def test_the_page_without_its_mark(client: Pilio, report: bytes) -> None:
    content = await client.run("/v1/pdfs/remove-watermark", {"pdf_file_id": await client.upload("report.pdf", report)})
    for before, after in zip(_rendered(report), _rendered(content), strict=True):
        changed = np.abs(before.astype(int) - after.astype(int)).max(axis=2) > 8
        # The mark was drawn in a light colour over the page: it is gone, and what was changed only became lighter.
        assert 0.005 < changed.mean() < 0.25
        assert (after.astype(int) - before.astype(int))[changed].mean() > 0


@pytest.mark.thorough
async def test_a_line_of_text_over_a_picture_is_found_and_removed(client: Pilio) -> None:
    truth = photo()
    cover = layer(truth.shape, "© Jane Doe Photo", 20, (truth.shape[1] - 12, 12), "rt")
    marked = over(truth, cover, 1.0)
    file_id = await client.upload("marked.png", encoded(Image.fromarray(marked), "PNG"))
    result = pixels(await client.run("/v1/images/remove-watermark", {"image_file_id": file_id, "mode": "auto"}))
    letters = cover > 0.1
    assert error(result, truth, letters) < 0.5 * error(marked, truth, letters)
    # Nothing was touched but the corner where it stands.
    assert np.argwhere((result != marked).any(axis=2)).max(axis=0)[0] < 60
    assert (result != marked).any(axis=2).mean() < 0.05


@pytest.mark.thorough
async def test_a_scanned_page_loses_its_mark_and_can_be_read(client: Pilio) -> None:
    source = scan(pages=1)
    body = {"pdf_file_id": await client.upload("scan.pdf", source), "mode": "ai"}
    content = await client.run("/v1/pdfs/remove-watermark", body)
    [before], [after] = _rendered(source), _rendered(content)
    assert _bluish(before) > 0.01
    assert _bluish(after) < 0.1 * _bluish(before)
    # The page had no text: this is what the network has read.
    words = PdfReader(io.BytesIO(content)).pages[0].extract_text()
    assert words.count("quarterly") >= 10
    assert "do not copy" not in words


def _bluish(page: Array) -> float:
    """The share of a black and white page that has the colour of its mark."""
    return float((page[..., 2].astype(int) - page[..., 0] > 12).mean())


def _sharpness(picture: Array) -> float:
    grey = picture.astype(float).mean(axis=2)
    return float(np.abs(np.diff(grey, 2, axis=0)).mean() + np.abs(np.diff(grey, 2, axis=1)).mean())


def _rendered(content: bytes) -> list[Array]:
    document = pypdfium2.PdfDocument(io.BytesIO(content))
    return [np.asarray(page.render(scale=1).to_pil().convert("RGB")) for page in document]
