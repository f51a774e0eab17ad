"""What Claid's requests may hold, and how they are refused."""

from __future__ import annotations

from typing import Any

import pytest

from services.platform.errors import DarkroomError, ErrorReason
from services.platform.json_models import parse
from services.tasks.surfaces.claid.destinations import destinations
from services.tasks.surfaces.claid.kinds import Padding, Percent
from services.tasks.surfaces.claid.models import BatchEditRequest, EditRequest, Folder
from services.tasks.surfaces.claid.operation_models import Operations
from services.tasks.surfaces.claid.output_models import Format


def edit(operations: dict[str, Any], output: Any = None) -> EditRequest:
    return parse(EditRequest, {"input": "https://example.com/1.jpg", "operations": operations, "output": output})


def operations(**given: Any) -> Operations:
    return edit(given).operations


def test_every_operation_of_the_contract() -> None:
    found = operations(
        resizing={"width": "auto", "height": "200%", "fit": {"type": "crop", "crop": "smart"}},
        background={"remove": {"category": "cars", "clipping": True}, "color": "#FFF"},
        adjustments={"hdr": {"intensity": 40, "stitching": True}, "exposure": -100, "saturation": 100, "contrast": 1, "sharpness": 100},
        restorations={"decompress": "auto", "upscale": {"type": "photo", "version": "3"}, "polish": True},
        padding="5% 25%",
        privacy={"blur_car_plate": False, "identity_crop": False},
        generative={"style_transfer": None},
    )
    assert (found.resizing.width, found.resizing.height, found.resizing.fit.crop) == (None, Percent(200), "smart")
    assert found.background.remove is not None and found.background.remove.category is not None
    assert (found.background.remove.category.type, found.background.color) == ("cars", "#ffffff")
    assert (found.adjustments.hdr.intensity, found.padding) == (40, Padding(5, 25))


@pytest.mark.parametrize(
    "nothing", [{}, {"background": {"remove": False, "blur": None}}, {"restorations": {"upscale": None}}, {"padding": None}]
)
def test_what_is_absent_null_or_false_asks_for_nothing(nothing: dict[str, Any]) -> None:
    assert operations(**nothing) == operations()


def test_older_forms() -> None:
    assert operations(resizing={"fit": {"crop": "smart"}}).resizing.fit.type == "crop"
    category = {"type": "products", "version": "2"}
    found = operations(background={"blur": {"category": category}, "color": "TRANSPARENT"}).background
    assert found.blur is not None and found.blur.category is not None
    assert (found.blur.category.type, found.blur.type, found.blur.level, found.color) == ("products", "regular", "medium", "transparent")
    assert operations(adjustments={"hdr": {}}).adjustments.hdr.intensity == 100
    assert parse(BatchEditRequest, {"input": "https://example.com/1.jpg", "operations": {}}).input == ["https://example.com/1.jpg"]


SIDE = 'must be an integer from 1 to 65535, a percentage such as "200%", or "auto"'
GENERATES = "is not supported by this server: it generates picture content"
PADDING = 'must be one percentage below 50, such as "10%", or two, vertical and horizontal, such as "5% 25%"'
COLOUR = 'must be a colour as # and six hexadecimal digits, such as "#ffffff", or "transparent"'
SAME_KIND = 'width and height must both be pixels or both percentages, or one of them "auto"'


@pytest.mark.parametrize(
    ("given", "field", "problem"),
    [
        ({"resizing": {"width": 0}}, "resizing.width", SIDE),
        ({"resizing": {"width": True}}, "resizing.width", SIDE),
        ({"resizing": {"width": 1.5}}, "resizing.width", SIDE),
        ({"resizing": {"height": "0%"}}, "resizing.height", SIDE),
        ({"resizing": {"height": "100px"}}, "resizing.height", SIDE),
        ({"resizing": {"width": 65536}}, "resizing.width", SIDE),
        ({"resizing": {"width": 100, "height": "50%"}}, "resizing", SAME_KIND),
        (
            {"resizing": {"width": "40%", "height": "50%"}},
            "resizing",
            'width and height must be the same percentage, or one of them "auto"',
        ),
        (
            {"resizing": {"fit": "stretch"}},
            "resizing.fit",
            "must be one of crop, cover, bounds, canvas, or an object whose type is one of them",
        ),
        ({"resizing": {"fit": {"type": "cover", "crop": "smart"}}}, "resizing.fit", "crop belongs to the type crop, not to cover"),
        ({"resizing": {"fit": "outpaint"}}, "resizing.fit", f"outpaint {GENERATES}. Use crop, cover, bounds or canvas"),
        (
            {"resizing": {"fit": {"type": "outpaint", "feathering": "15%"}}},
            "resizing.fit",
            f"outpaint {GENERATES}. Use crop, cover, bounds or canvas",
        ),
        ({"resizing": {"hight": 3}}, "resizing.hight", "is not a known field"),
        ({"background": {"remove": "yes"}}, "background.remove", "must be true, false or an object with the options of remove"),
        (
            {"background": {"remove": {"category": "dogs"}}},
            "background.remove.category",
            "must be one of general, products, cars, or an object whose type is one of them",
        ),
        (
            {"background": {"remove": {"selective": {"object_to_keep": "shoe"}}}},
            "background.remove.selective",
            "is not supported by this server: it selects an object by a description in words",
        ),
        ({"background": {"blur": {"level": "extreme"}}}, "background.blur.level", 'must be one of "low", "medium", "high"'),
        ({"background": {"color": "white"}}, "background.color", COLOUR),
        ({"background": {"color": "#ffff"}}, "background.color", COLOUR),
        (
            {"background": {"remove": True, "blur": True}},
            "background",
            "remove and blur exclude each other: a background that is removed cannot be blurred",
        ),
        ({"adjustments": {"hdr": 101}}, "adjustments.hdr", "must be 100 or less"),
        ({"adjustments": {"exposure": -101}}, "adjustments.exposure", "must be -100 or more"),
        ({"adjustments": {"contrast": 0.5}}, "adjustments.contrast", "must be an integer"),
        ({"adjustments": {"sharpness": -1}}, "adjustments.sharpness", "must be 0 or more"),
        ({"restorations": {"decompress": "weak"}}, "restorations.decompress", 'must be one of "moderate", "strong", "auto"'),
        (
            {"restorations": {"upscale": "best"}},
            "restorations.upscale",
            "must be one of smart_enhance, smart_resize, faces, digital_art, photo, or an object whose type is one of them",
        ),
        (
            {"restorations": {"upscale": {"type": "faces", "version": "1"}}},
            "restorations.upscale",
            "version belongs to the type photo, not to faces",
        ),
        ({"restorations": {"polish": "yes"}}, "restorations.polish", "must be true or false"),
        ({"padding": "60%"}, "padding", PADDING),
        ({"padding": 10}, "padding", PADDING),
        ({"padding": "1% 2% 3%"}, "padding", PADDING),
        (
            {"privacy": {"blur_car_plate": True}},
            "privacy.blur_car_plate",
            "is not supported by this server: there is no model for licence plates",
        ),
        (
            {"privacy": {"identity_crop": True}},
            "privacy.identity_crop",
            "is not supported by this server: there is no model for the features of faces",
        ),
        ({"generative": {"style_transfer": {"prompt": "a sketch"}}}, "generative.style_transfer", GENERATES),
        ({"filters": {}}, "filters", "is not a known field"),
    ],
)
def test_bad_operations(given: dict[str, Any], field: str, problem: str) -> None:
    with pytest.raises(DarkroomError) as refused:
        edit(given)
    assert refused.value.reason is ErrorReason.FIELD_INVALID
    assert refused.value.message == f"operations.{field}: {problem}."
    assert [each.field for each in refused.value.violations] == [f"operations.{field}"]


@pytest.mark.parametrize(
    ("output", "field", "problem"),
    [
        (5, "output", "must be an object, or a text: the destination"),
        ({"destination": ""}, "output.destination", "must have 1 characters or more"),
        ({"destination": 5}, "output.destination", "must be a string"),
        ({"format": "gif"}, "output.format", "must be one of jpeg, png, webp, avif, tiff, or an object whose type is one of them"),
        ({"format": {"type": "jpeg", "quality": 0}}, "output.format.quality", "must be 1 or more"),
        (
            {"format": {"type": "jpeg", "compression": "lossy"}},
            "output.format",
            "compression is not an option of jpeg; supported: quality and progressive",
        ),
        ({"format": {"type": "png", "quality": 3}}, "output.format", "quality is not an option of png; supported: compression"),
        ({"format": {"type": "png", "compression": "lossy"}}, "output.format", "compression of png must be one of fast, optimal, best"),
        ({"format": {"type": "avif", "compression": "best"}}, "output.format", "compression of avif must be one of lossy, lossless"),
        (
            {"format": {"type": "webp", "compression": {"type": "lossless", "quality": 3}}},
            "output.format.compression",
            "quality belongs to the type lossy, not to lossless",
        ),
        (
            {"metadata": {"color_space": {"type": "CMYK", "color_profile": "ISO_Coated"}}},
            "output.metadata.color_space.color_profile",
            "is not supported by this server: CMYK pictures have one general profile",
        ),
        ({"metadata": {"dpi": 0}}, "output.metadata.dpi", "must be 1 or more"),
        (
            {"metadata": {"color_space": "LAB"}},
            "output.metadata.color_space",
            "must be one of RGB, CMYK, or an object whose type is one of them",
        ),
        (
            {"format": "png", "metadata": {"color_space": "CMYK"}},
            "output",
            "metadata.color_space CMYK needs the format jpeg or tiff, not png",
        ),
    ],
)
def test_bad_outputs(output: Any, field: str, problem: str) -> None:
    with pytest.raises(DarkroomError) as refused:
        edit({}, output)
    assert refused.value.message == f"{field}: {problem}."


LISTS = "a list names pictures: name one folder in its place"


@pytest.mark.parametrize(
    ("given", "field", "problem"),
    [
        (["https://example.com/1.jpg", 5], "input[1]", "must be a string"),
        ([], "input", "must have 1 items or more"),
        (["storage://shop/1.jpg", "storage://shop/photos/"], "input", LISTS),
        ({"source": "storage://shop/photos", "recursive": "yes"}, "input.recursive", "must be true or false"),
        ({"source": "storage://shop/" + "x" * 4096 + "/"}, "input.source", "must have at most 4096 characters"),
        ({"folder": "x"}, "input", "must be a text, a list of texts, or an object with source and recursive"),
    ],
)
def test_bad_inputs_of_a_batch(given: Any, field: str, problem: str) -> None:
    with pytest.raises(DarkroomError) as refused:
        parse(BatchEditRequest, {"input": given, "operations": {}})
    assert refused.value.message == f"{field}: {problem}."


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("storage://shop/1.jpg", ["storage://shop/1.jpg"]),
        ({"source": "storage://shop/1.jpg"}, ["storage://shop/1.jpg"]),
        ({"source": "storage://shop/1.jpg", "recursive": False}, ["storage://shop/1.jpg"]),
        ("storage://shop/photos/", Folder(source="storage://shop/photos/")),
        ({"source": "storage://shop/photos/", "recursive": None}, Folder(source="storage://shop/photos/")),
        ({"source": "storage://shop/photos", "recursive": True}, Folder(source="storage://shop/photos/", recursive=True)),
    ],
)
@pytest.mark.cases(6)
def test_inputs_of_a_batch(given: Any, found: Any) -> None:
    assert parse(BatchEditRequest, {"input": given, "operations": {}}).input == found


def test_a_text_as_output_is_the_destination() -> None:
    assert edit({}, "storage://results/1.jpg").output == edit({}, {"destination": "storage://results/1.jpg"}).output
    assert edit({}, "storage://results/1.jpg").output.format == Format(type="jpeg")


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["a.png", "b.PNG"], ["a.jpg", "b.jpg"]),
        (["a.png", "A.jpg", "a"], ["a.jpg", "A-2.jpg", "a-3.jpg"]),
        (["in/a.png", "a.png", "in/more/a.b.png"], ["in/a.jpg", "a.jpg", "in/more/a.b.jpg"]),
        (["", "..", "../../x\n.png"], ["1.jpg", "2.jpg", "x_.jpg"]),
    ],
)
@pytest.mark.cases(4)
def test_results_of_a_batch_keep_their_names(names: list[str], found: list[str]) -> None:
    for folder in ("storage://shop/done", "storage://shop/done/"):
        assert destinations(folder, names, "jpg") == [f"storage://shop/done/{name}" for name in found]


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(DarkroomError) as refused:
        parse(EditRequest, {"operations": {"resizing": {"width": "x"}, "padding": "60%"}, "more": 1})
    assert [each.field for each in refused.value.violations] == ["operations.resizing.width", "operations.padding", "input", "more"]
