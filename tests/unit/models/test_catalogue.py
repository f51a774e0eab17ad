from __future__ import annotations

import re
from pathlib import Path

import pytest

from models.catalogue import DEFAULT_CATALOGUE, Catalogue, FileArchive, HttpsArchive, NpmArchive, PypiArchive, SetName, load_catalogue
from models.errors import CatalogueError
from tests.unit.models.catalogues import CatalogueFile


@pytest.fixture(scope="module")
def shipped() -> Catalogue:
    return load_catalogue()


def test_the_shipped_models_are_those_that_the_platform_calls(shipped: Catalogue) -> None:
    contracts = {name: (model.contract.output, model.contract.scale) for name, model in shipped.select("default").items()}

    assert contracts == {
        "face_detector": ("numbers", 1),
        "face_mesh": ("numbers", 1),
        "iris": ("numbers", 1),
        "isnet": ("alpha", 1),
        "mark_paint": ("paint", 1),
        "ppocr_det": ("text", 1),
        "ppocr_rec": ("characters", 1),
        "realesrgan_x4plus": ("upscaled", 4),
        "realesr_animevideov3_x2": ("upscaled", 2),
        "realesr_animevideov3_x3": ("upscaled", 3),
        "realesr_animevideov3_x4": ("upscaled", 4),
        "srmd_x2": ("denoised", 1),
        "srmd_upscale_x2": ("denoised", 2),
        "srmd_upscale_x4": ("denoised", 4),
    }
    assert shipped.models["isnet"].contract.input_dims == (1024, 1024, 3)
    assert shipped.models["isnet"].contract.output_dims == (1024, 1024, 1)
    assert shipped.models["mark_paint"].contract.input_dims == (None, None, 4)
    assert shipped.models["mark_paint"].contract.output_dims == (None, None, 5)


def test_the_tiny_set_has_the_models_of_the_default_set(shipped: Catalogue) -> None:
    assert shipped.select("tiny") == shipped.select("default")
    assert set(shipped.select("default")) < set(shipped.select("full"))


def test_every_shipped_model_names_a_permissive_licence_and_where_it_is_stated(shipped: Catalogue) -> None:
    for model in shipped.models.values():
        assert model.licence.spdx in {"MIT", "BSD-3-Clause", "Apache-2.0"}
        assert len(model.licence.stated) > 20


def test_shipped_archives_are_pinned_to_one_version(shipped: Catalogue) -> None:
    for archive in shipped.archives.values():
        if isinstance(archive, HttpsArchive):
            # A file of a release, whose hash tells one from another, or of a commit.
            assert re.search(r"/releases/download/v\d+(\.\d+)+/[\w.-]+$|/resolve/[0-9a-f]{40}/[\w.-]+$", archive.url)
            continue
        if isinstance(archive, FileArchive):
            # In the repository.
            assert archive.path.is_relative_to(DEFAULT_CATALOGUE.parent)
            continue
        assert isinstance(archive, NpmArchive | PypiArchive)
        assert re.fullmatch(r"\d+(\.\d+)+", archive.version)


def test_the_gpu_set_adds_what_is_too_slow_for_a_processor(shipped: Catalogue) -> None:
    assert set(shipped.select("gpu")) == {*shipped.select("default"), "birefnet", "lama"}
    assert "birefnet" not in {**shipped.select("default"), **shipped.select("full")}
    assert shipped.models["birefnet"].contract == shipped.models["isnet"].contract


@pytest.mark.parametrize(("set_name", "model"), [("inpaint", "lama"), ("inpaint_fast", "migan")])
def test_inpainting_networks_are_added_by_sets_of_their_own(shipped: Catalogue, set_name: SetName, model: str) -> None:
    assert set(shipped.select(set_name)) == {*shipped.select("default"), model}
    contract = shipped.models[model].contract
    assert (contract.output, contract.input_dims, contract.output_dims) == ("filled", (512, 512, 4), (512, 512, 3))


def test_what_float16_would_spoil_is_float32_on_every_platform(shipped: Catalogue) -> None:
    float32 = {name for name, model in shipped.models.items() if model.is_float32}
    assert float32 == {"face_detector", "face_mesh", "iris", "lama", "migan", "ppocr_det"}


def test_a_relative_file_starts_at_the_folder_of_the_catalogue(tmp_path: Path) -> None:
    catalogue = load_catalogue(CatalogueFile(tmp_path).path)

    assert catalogue.archives["first"].path == tmp_path / "first.tgz"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("was", "becomes", "problem"),
    [
        ("version = 3", "version = 0", r"models\.sharpen\.version: Input should be greater than or equal to 1"),
        ('job = "upscale"', 'job = "upscale"\nsize = [64, 64]', "given pictures of many sizes: size has to be left out"),
        (
            'job = "upscale"',
            'job = "matte"\nsize = [512, 512]',
            "a model for 'matte' is given 1024 x 1024 pixels: size has to be that, or left out",
        ),
        (
            'job = "upscale"',
            'job = "inpaint"\nsize = [256, 256]',
            "a model for 'inpaint' is given 512 x 512 pixels: size has to be that, or left out",
        ),
        ('job = "upscale"', 'job = "inpaint"', "has to say how the mask is given .`mask`. where the job is 'inpaint', and nowhere else"),
        ('job = "upscale"', 'job = "paint"', "a model for 'paint' has 4 numbers in subtract and in divide"),
        ("subtract = [0, 0, 0]", "subtract = [0, 0, 0, 0]", "a model for 'upscale' has 3 numbers in subtract and in divide"),
        ("version = 3", 'version = 3\ncolour = "blue"', r"models\.sharpen\.colour: Extra inputs are not permitted"),
        ('archive = "first"', 'archive = "third"', "models.sharpen: the archive 'third' is not in"),
        ('format = "onnx"', 'format = "ncnn"', r"format 'ncnn' needs the files \['bin', 'param'\], not \['onnx'\]"),
        ("package/part1", "../part1", "the member path '../part1' leaves the archive"),
        ("preferred_batch_sizes = [2, 4]", "preferred_batch_sizes = [8]", r"have to lie in 1\.\.4"),
        ("[models.sharpen]", '[models."Sharpen it"]', "should match pattern"),
        ('kind = "file"', 'kind = "ftp"', "archives.first"),
        ("[archives.first]", "[archives.first", "toml"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path: Path, was: str, becomes: str, problem: str) -> None:
    path = CatalogueFile(tmp_path).path
    text = path.read_text(encoding="utf-8")
    assert was in text
    path.write_text(text.replace(was, becomes, 1), encoding="utf-8")

    with pytest.raises(CatalogueError, match=problem):
        load_catalogue(path)


def test_a_missing_catalogue_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"nowhere\.toml"):
        load_catalogue(tmp_path / "nowhere.toml")
