"""What a manifest claims of operations and models."""

from __future__ import annotations

import asyncio
from typing import Any, get_args

from darkroom.operations.v1 import options_pb2
from models.catalogue import load_catalogue
from models.contract import DRAWING_JOBS, Job
from services.inference.credentials.manifest import Deed, Ingredient, definition
from services.inference.credentials.used_models import note_model, recorded_models
from services.pictures.operations import specs

STANDARD = frozenset(
    {
        "addedText",
        "adjustedColor",
        "converted",
        "created",
        "cropped",
        "edited",
        "edited.metadata",
        "enhanced",
        "filtered",
        "orientation",
        "placed",
        "resized",
        "resized.proportional",
        "transcoded",
        "trimmed",
    }
)
"""The names of C2PA 2.2, 18.15.1, that pictures can have here."""
FOUND_OUT = frozenset({"matte", "detect", "paint", "read", "locate"})


def actions(*deeds: Deed, of: tuple[Ingredient, ...] = ()) -> list[dict[str, Any]]:
    return definition("a.png", "image/png", deeds, of)["assertions"][0]["data"]["actions"]


def parent(name: str = "a.jpg") -> Ingredient:
    return Ingredient("one", name, "image/jpeg", "parentOf")


def part(number: int) -> Ingredient:
    return Ingredient(f"part-{number}", "b.png", "image/png", "componentOf")


def test_every_operation_that_makes_pictures_has_a_standard_action() -> None:
    for spec in specs().values():
        assert (spec.credential_action in STANDARD) == (spec.produces == options_pb2.MEDIA_KIND_IMAGE), spec.name


def test_every_job_of_a_model_either_draws_or_finds() -> None:
    assert set(get_args(Job)) == DRAWING_JOBS | FOUND_OUT and not DRAWING_JOBS & FOUND_OUT
    assert {model.job for model in load_catalogue().models.values()} <= DRAWING_JOBS | FOUND_OUT


def test_steps_are_listed_in_order_after_the_input() -> None:
    said = actions(Deed("resize", "resized"), Deed("erase", "edited", ("lama",)), Deed("convert", "transcoded"), of=(parent(),))
    assert [each["action"] for each in said] == ["c2pa.opened", "c2pa.resized", "c2pa.edited", "c2pa.transcoded"]
    assert said[0]["parameters"] == {"ingredientIds": ["one"]}
    assert said[2]["softwareAgent"] == {"name": "lama"} and said[2]["description"] == "erase"
    assert [each.get("digitalSourceType", "").rpartition("/")[2] for each in said] == ["", "", "compositeWithTrainedAlgorithmicMedia", ""]


def test_what_a_model_does_decides_the_source_type() -> None:
    for models, source in (
        ((), ""),
        (("isnet",), "algorithmicallyEnhanced"),
        (("face_detector", "gfpgan"), "compositeWithTrainedAlgorithmicMedia"),  # not in the catalogue
        (("srmd_x2",), "compositeWithTrainedAlgorithmicMedia"),
    ):
        assert Deed("any", "edited", models).source_type == source
    assert Deed("qr_code", "created").source_type == "algorithmicMedia"
    assert Deed("gpt_image_2", "created", ("gpt-image-2",)).source_type == "trainedAlgorithmicMedia"


def test_a_picture_that_is_made_is_created_by_its_model() -> None:
    said = actions(Deed("gpt_image_2", "created", ("gpt-image-2",)), Deed("resize", "resized"))
    assert [each["action"] for each in said] == ["c2pa.created", "c2pa.resized"]
    assert said[0]["softwareAgent"] == {"name": "gpt-image-2"}
    # One with credentials of its provider begins with these.
    said = actions(Deed("gpt_image_2", "created", ("gpt-image-2",)), Deed("resize", "resized"), of=(parent(),))
    assert [each["action"] for each in said] == ["c2pa.opened", "c2pa.resized"]


def test_pictures_that_are_put_together_are_parts() -> None:
    said = actions(Deed("collage", "placed"), of=(part(1), part(2)))
    assert [each["action"] for each in said] == ["c2pa.created", "c2pa.placed"]
    assert said[1]["parameters"] == {"ingredientIds": ["part-1", "part-2"]}
    said = actions(Deed("compose", "placed"), of=(parent(), part(1)))
    assert [each["parameters"]["ingredientIds"] for each in said] == [["one"], ["part-1"]]
    assert [each["action"] for each in actions(Deed("compose", "placed"), of=(parent(),))] == ["c2pa.opened", "c2pa.edited"]


def test_the_number_of_actions_is_bounded() -> None:
    said = definition("a.png", "image/png", [Deed("resize", "resized")] * 300, [parent()])["assertions"][0]["data"]
    assert len(said["actions"]) == 100 and said["allActionsIncluded"] is False


async def test_models_are_recorded_from_threads_that_come_back() -> None:
    async def infer() -> None:
        note_model("lama")

    loop = asyncio.get_running_loop()
    with recorded_models() as used:
        await asyncio.to_thread(lambda: asyncio.run_coroutine_threadsafe(infer(), loop).result())
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.to_thread(note_model, "isnet"))
    assert list(used) == ["lama", "isnet"]


def test_models_are_recorded_for_the_operation_that_runs() -> None:
    note_model("nobody asks")
    with recorded_models() as outer:
        note_model("one")
        with recorded_models() as inner:
            note_model("two")
        note_model("one")
    assert (list(outer), list(inner)) == (["one"], ["two"])
