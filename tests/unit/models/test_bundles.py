"""Bundles: what they need, and installing and removing them in a repository."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from models import bundle_commands
from models.__main__ import main
from models.bundles import Bundle, chosen_models, installed_bundles, load_bundles, only_of, read_choices, write_choices
from models.catalogue import load_catalogue
from models.repository import Repository
from tests.unit.models.catalogues import CatalogueFile

ONE = Bundle(name="One", description="", estimated_size="", version="1", tools=(), models=(("a", "b"), ("shared",)))
TWO = Bundle(name="Two", description="", estimated_size="", version="1", tools=(), models=(("c",), ("shared",)))
BOTH = {"one": ONE, "two": TWO}


def test_every_model_of_a_bundle_is_in_the_catalogue() -> None:
    known = load_catalogue().models
    bundles = load_bundles()
    assert all(bundle.all_models <= known.keys() for bundle in bundles.values())
    in_the_default_set = load_catalogue().select("default")
    assert {name for name, bundle in bundles.items() if bundle.complete(in_the_default_set)} == {
        "background-removal",
        "face-detection",
        "upscale-enhance",
        "ocr",
    }


NOBODYS = ONE.model_copy(update={"models": (), "missing": "a model that nobody has made"})


def test_a_tool_needs_what_it_says_and_else_the_whole_bundle() -> None:
    bundle = ONE.model_copy(update={"tools": ("x", "y", "z"), "needs": {"y": (("b",),), "z": ()}})
    assert bundle.unavailable({"b"}) == ["x"]
    assert bundle.unavailable(()) == ["x", "y"]
    assert bundle.unavailable({"a", "b", "shared"}) == []


def test_needs_are_of_the_bundle_s_own_tools() -> None:
    with pytest.raises(ValueError, match="that it does not have: other"):
        Bundle.model_validate(ONE.model_dump() | {"needs": {"other": ()}})


def test_every_bundle_needs_models_that_are_known() -> None:
    # The last one is the operator's own.
    known = {*load_catalogue().models, "ddcolor"}
    for bundle in load_bundles().values():
        assert {model for groups in bundle.needs.values() for group in groups for model in group} <= known | bundle.all_models


def test_one_model_of_each_group_is_enough() -> None:
    assert ONE.complete({"b", "shared"})
    assert not ONE.complete({"a", "b"})
    assert ONE.lacking({"shared"}) == ["a"]
    assert not NOBODYS.complete(load_catalogue().models)


def test_tools_need_what_other_bundles_lend() -> None:
    lending = ONE.model_copy(update={"tools": ("own",), "lends": {"other": (("b",),)}})
    assert lending.unavailable({"a", "b", "shared"}) == []
    assert lending.unavailable({"a", "shared"}) == ["other"]
    assert lending.unavailable({"b"}) == ["own"]
    with pytest.raises(ValueError, match="lends"):
        Bundle(name="", description="", estimated_size="", version="1", tools=("own",), models=(("a",),), lends={"own": (("a",),)})
    missing = {tool for bundle in load_bundles().values() for tool in bundle.unavailable({"isnet"})}
    assert "passport-photo" in missing
    assert "remove-background" not in missing


def test_shared_models_stay() -> None:
    assert only_of("one", BOTH, ["two"]) == {"a", "b"}
    assert only_of("one", BOTH, []) == {"a", "b", "shared"}


def test_what_was_removed_is_not_installed_by_the_models_of_another() -> None:
    assert installed_bundles(BOTH, {}, {"a", "shared", "c"}) == ["one", "two"]
    assert installed_bundles(BOTH, {"one": False}, {"a", "shared", "c"}) == ["two"]
    assert installed_bundles(BOTH, {"one": True}, {"c"}) == [name for name in BOTH if BOTH[name].complete({"c"})]


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        ({}, {"a", "shared", "other"}),
        ({"one": False}, {"other", "shared"}),
        ({"one": False, "two": False}, {"other"}),
        ({"two": True}, {"a", "shared", "other", "c"}),
        ({"gone": False}, {"a", "shared", "other"}),
    ],
)
def test_choices_outlive_an_installation_of_the_set(choices: dict[str, bool], expected: set[str]) -> None:
    assert chosen_models(BOTH, choices, {"a", "shared", "other"}) == expected


class Installation:
    """A repository with the tiny set, and what a worker runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "models"
        assert self.run("install", "--set", "tiny") == 0

    def run(self, *arguments: str) -> int:
        return main([*arguments, f"--dest={self.folder}"])

    @property
    def models(self) -> set[str]:
        return set(Repository(self.folder).manifest().models)


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path)


def test_a_removed_bundle_stays_removed_and_comes_back(installation: Installation) -> None:
    before = installation.models
    assert installation.run("remove-bundle", "ocr") == 0
    assert before - installation.models == {"ppocr_det", "ppocr_rec"}
    assert not (installation.folder / "ppocr_det").exists()
    assert installation.run("install") == 0
    assert before - installation.models == {"ppocr_det", "ppocr_rec"}
    assert installation.run("install-bundle", "ocr") == 0
    assert installation.models == before
    assert read_choices(installation.folder) == {"ocr": True}


def test_a_model_of_two_bundles_goes_with_the_second(installation: Installation) -> None:
    for bundle in ("object-eraser-colorize", "photo-restoration"):
        assert installation.run("install-bundle", bundle) == 0
    assert "migan" in installation.models
    assert installation.run("remove-bundle", "object-eraser-colorize") == 0
    assert "migan" in installation.models
    assert installation.run("remove-bundle", "photo-restoration") == 0
    assert "migan" not in installation.models


def test_a_set_that_is_named_takes_the_place_of_choices(installation: Installation) -> None:
    before = installation.models
    installation.run("remove-bundle", "ocr")
    assert installation.run("install", "--set", "tiny") == 0
    assert installation.models == before


def test_verifying_knows_of_choices(installation: Installation) -> None:
    installation.run("remove-bundle", "ocr")
    assert installation.run("verify") == 0


def test_what_has_no_model_says_what_it_needs(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = installation.models
    monkeypatch.setattr(bundle_commands, "load_bundles", lambda: {"nobodys": NOBODYS})
    assert installation.run("install-bundle", "nobodys") == 1
    assert "it needs a model that nobody has made" in capsys.readouterr().err
    assert installation.models == before
    assert read_choices(installation.folder) == {}
    assert installation.run("remove-bundle", "nothing") == 1


def test_other_bytes_than_expected_leave_everything_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    catalogue = CatalogueFile(tmp_path)
    catalogue.write(archive_sha256="0" * 64)
    sharpen = ONE.model_copy(update={"models": (("sharpen",),)})
    monkeypatch.setattr(bundle_commands, "load_bundles", lambda: {"one": sharpen})
    monkeypatch.setattr(bundle_commands, "load_catalogue", lambda: load_catalogue(catalogue.path))
    folder = tmp_path / "models"
    assert main(["install-bundle", "one", f"--dest={folder}", f"--cache={tmp_path / 'cache'}"]) == 1
    assert "SHA-256" in capsys.readouterr().err
    assert not (folder / "sharpen").exists()
    assert read_choices(folder) == {}


def test_installers_that_run_at_the_same_time_may_write_the_choices(tmp_path: Path) -> None:
    folder = tmp_path / "models"

    def write(number: int) -> None:
        for _ in range(50):
            write_choices(folder, {f"bundle-{number}": True})

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(8)))
    assert len(read_choices(folder)) == 1
    assert [path.name for path in tmp_path.rglob("*")] == ["models", "bundles.json"]


def test_an_installer_ends_with_whoever_has_started_it(installation: Installation) -> None:
    command = [sys.executable, "-m", "models", "install-bundle", "object-eraser-colorize", "--supervised", f"--dest={installation.folder}"]
    gone = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert gone.returncode == 1
    assert "migan" not in installation.models
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        told = [json.loads(line) for line in running.stdout]
        assert running.wait() == 0
    assert told == [{"percent": 0, "stage": "Installing migan"}, {"percent": 100, "stage": "Installed"}]
    assert "migan" in installation.models
