"""The tables by which a request is said to each provider."""

from __future__ import annotations

from math import gcd

import pytest

from darkroom.operations.v1.gpt_image_2_pb2 import GptImage2
from darkroom.operations.v1.nano_banana_2_pb2 import NanoBanana2
from services.inference.contract.provider import GenerationRequest, Reference
from services.inference.generation import gemini, local_diffusion, openai_images
from services.inference.generation.gemini import gemini_request
from services.inference.generation.local_diffusion import local_request
from services.inference.generation.openai_images import openai_request
from services.inference.generation.tables import nearest_ratio

RESOLUTIONS = ["0.5K", "1K", "2K", "4K"]
WIDE = Reference(b"", "image/jpeg", 1600, 880)


def allowed(message: type[GptImage2] | type[NanoBanana2], field: str) -> list[str]:
    """The values that an operation's rule names."""
    from buf.validate import validate_pb2

    rules = message.DESCRIPTOR.fields_by_name[field].GetOptions().Extensions[validate_pb2.field]
    return list(getattr(rules.string, "in"))


GPT_RATIOS = [ratio for ratio in allowed(GptImage2, "aspect_ratio") if ratio != "auto"]
NANO_RATIOS = allowed(NanoBanana2, "aspect_ratio")


@pytest.mark.parametrize("ratio", GPT_RATIOS)
@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_every_size_is_one_that_openai_takes_and_has_the_ratio_exactly(ratio: str, resolution: str) -> None:
    width, height = map(int, openai_images.SIZES[ratio][resolution].split("x"))
    assert width % 16 == height % 16 == 0
    assert max(width, height) <= min(3840, 3 * min(width, height))
    assert 655_360 <= width * height <= 8_294_400
    assert f"{width // gcd(width, height)}:{height // gcd(width, height)}" in (ratio, {"21:9": "7:3"}.get(ratio))


def test_sizes_grow_with_the_resolution() -> None:
    for table in (openai_images.SIZES, {r: {k: f"{w}x{h}" for k, (w, h) in row.items()} for r, row in local_diffusion.SIZES.items()}):
        for row in table.values():
            areas = [int(size.split("x")[0]) * int(size.split("x")[1]) for size in row.values()]
            assert areas == sorted(areas)
            assert list(row) == RESOLUTIONS[: len(row)]


@pytest.mark.parametrize(
    ("ratio", "resolution", "size"),
    [("1:1", None, "1024x1024"), ("3:2", "2K", "2496x1664"), ("16:9", "4K", "3840x2160"), ("9:16", "1K", "720x1280"), (None, None, "auto")],
)
def test_openai_sizes(ratio: str | None, resolution: str | None, size: str) -> None:
    said = openai_request(GenerationRequest("A cup", aspect_ratio=ratio, resolution=resolution), [])
    assert (said.prompt, said.size, said.quality, said.not_applied) == ("A cup", size, "auto", ())


def test_openai_takes_the_shape_of_the_first_reference_where_none_is_said() -> None:
    assert openai_request(GenerationRequest("Cut", resolution="2K"), [WIDE]).size == "2560x1440"
    assert openai_request(GenerationRequest("Cut", aspect_ratio="1:1"), [WIDE]).size == "1024x1024"


@pytest.mark.parametrize("quality", ["low", "medium", "high"])
def test_openai_qualities(quality: str) -> None:
    assert openai_request(GenerationRequest("A cup", quality=quality), []).quality == quality


def test_what_openai_cannot_do_is_said() -> None:
    small = openai_request(GenerationRequest("A cup", aspect_ratio="4:5", resolution="0.5K"), [])
    assert (small.size, [item.parameter for item in small.not_applied]) == ("768x960", ["resolution"])
    free = openai_request(GenerationRequest("A cup", resolution="4K"), [])
    assert (free.size, [item.parameter for item in free.not_applied]) == ("auto", ["resolution"])
    long = openai_request(GenerationRequest("p" * 32_000, negative_prompt="n"), [])
    assert (len(long.prompt), [item.parameter for item in long.not_applied]) == (32_000, ["negative_prompt"])


def test_a_negative_prompt_is_said_in_words() -> None:
    request = GenerationRequest("A cup", negative_prompt="handles")
    for prompt in (openai_request(request, []).prompt, gemini_request(request).prompt):
        assert prompt == "A cup\n\nDo not include: handles"


@pytest.mark.parametrize("ratio", NANO_RATIOS)
def test_gemini_takes_every_ratio_as_it_is(ratio: str) -> None:
    said = gemini_request(GenerationRequest("A cup", aspect_ratio=ratio))
    assert said.image_config == {"aspectRatio": ratio, "imageSize": "1K"}


def test_gemini_sizes_and_shape_of_the_references() -> None:
    sizes = [gemini_request(GenerationRequest("A cup", resolution=resolution)).image_config for resolution in RESOLUTIONS]
    assert sizes == [{"imageSize": size} for size in ("512", "1K", "2K", "4K")]
    assert [item.parameter for item in gemini_request(GenerationRequest("A cup", quality="high")).not_applied] == ["quality"]


def test_the_local_model_serves_every_ratio_of_both_operations() -> None:
    assert set(local_diffusion.SIZES) == {*GPT_RATIOS, *NANO_RATIOS}
    for ratio, row in local_diffusion.SIZES.items():
        for width, height in row.values():
            assert width % 16 == height % 16 == 0
            assert width * int(ratio.split(":")[1]) == height * int(ratio.split(":")[0])
            assert width * height <= 2048**2


def test_what_the_local_model_cannot_do_is_said() -> None:
    request = GenerationRequest("A cup", negative_prompt="handles", aspect_ratio="16:9", resolution="4K", quality="high")
    said = local_request(request, [WIDE, WIDE], guidance=0.0)
    assert (said.width, said.height, said.references, said.negative_prompt) == (2560, 1440, 1, "")
    assert {item.parameter for item in said.not_applied} == {"image_file_ids", "resolution", "negative_prompt", "quality"}
    guided = local_request(GenerationRequest("A cup", negative_prompt="handles"), [], guidance=4.0)
    assert (guided.width, guided.height, guided.negative_prompt, guided.not_applied) == (1024, 1024, "handles", ())
    assert local_request(GenerationRequest("Cut"), [WIDE], guidance=0.0).width == 1280


def test_how_many_one_call_gives() -> None:
    assert (openai_images.MOST_AT_ONCE, gemini.MOST_AT_ONCE, local_diffusion.MOST_AT_ONCE) == (4, 1, 1)


def test_the_nearest_ratio_is_by_proportion() -> None:
    tall = Reference(b"", "image/png", 100, 410)
    assert nearest_ratio(tall, NANO_RATIOS) == "1:4"
    assert nearest_ratio(Reference(b"", "image/png", 1000, 990), NANO_RATIOS) == "1:1"


def test_requests_are_read_from_either_operation() -> None:
    said = GptImage2(prompt="A cup", negative_prompt=" ", aspect_ratio="auto", quality="auto", resolution="2K")
    assert GenerationRequest.of(said) == GenerationRequest("A cup", resolution="2K")
    assert GenerationRequest.of(NanoBanana2(prompt="A cup", aspect_ratio="8:1")) == GenerationRequest("A cup", aspect_ratio="8:1")
