"""Installing through the command line, from archives on this machine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from models.__main__ import main
from models.install import building_code
from tests.unit.models.catalogues import CatalogueFile, sha256, tarball_of
from tests.unit.models.ncnn_files import evaluate


class Machine:
    """A catalogue, and a repository to install it into."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.catalogue = CatalogueFile(folder)
        self.repository = folder / "repository"
        self._folder = folder

    def run(self, command: str, *options: str) -> int:
        cache = [f"--cache={self._folder / 'cache'}"] if command == "install" else []
        return main([command, f"--catalogue={self.catalogue.path}", f"--dest={self.repository}", *cache, *options])

    def snapshot(self) -> dict[str, tuple[int, str]]:
        """Every file of the repository with its time of change and its hash."""
        return {
            str(path.relative_to(self.repository)): (path.stat().st_mtime_ns, sha256(path.read_bytes()))
            for path in self.repository.rglob("*")
            if path.is_file()
        }


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_model_is_laid_out_as_triton_wants_it(machine: Machine) -> None:
    assert machine.run("install") == 0

    assert sorted(machine.snapshot()) == [
        "manifest.json",
        "sharpen/3/batching.py",
        "sharpen/3/cpu_network.py",
        "sharpen/3/idle_memory.py",
        "sharpen/3/model.onnx",
        "sharpen/3/model.py",
        "sharpen/config.pbtxt",
    ]
    network = onnx.load(machine.repository / "sharpen" / "3" / "model.onnx")
    picture = np.arange(48, dtype=np.uint8).reshape(1, 4, 4, 3)
    np.testing.assert_array_equal(evaluate(network, image=picture), picture)
    manifest = json.loads((machine.repository / "manifest.json").read_text())
    assert manifest["models"]["sharpen"]["source"] == f"file:{machine.catalogue.tarball}"


def test_a_server_with_its_own_onnx_backend_gets_no_python_code(machine: Machine) -> None:
    assert machine.run("install", "--platform", "cuda-onnxruntime") == 0

    assert sorted(machine.snapshot()) == ["manifest.json", "sharpen/3/model.onnx", "sharpen/config.pbtxt"]


def test_the_platform_is_that_of_the_installed_models_unless_another_is_asked_for(machine: Machine) -> None:
    def platform() -> str:
        return str(json.loads((machine.repository / "manifest.json").read_text())["platform"])

    machine.run("install")
    assert platform() == "cpu"
    for asked, expected, code in [
        ("cuda", "cuda", True),
        (None, "cuda", True),
        ("cuda-onnxruntime", "cuda-onnxruntime", False),
        ("cpu", "cpu", True),
    ]:
        machine.run("install", *([f"--platform={asked}"] if asked else []))
        assert (platform(), (machine.repository / "sharpen" / "3" / "model.py").exists()) == (expected, code)


def test_a_second_run_changes_nothing(machine: Machine) -> None:
    machine.run("install")
    before = machine.snapshot()

    assert machine.run("install") == 0

    assert machine.snapshot() == before


def test_the_code_that_decides_whether_a_model_is_built_again_is_all_that_builds_it() -> None:
    """Its archive is fetched again for that, so a change of other code must not lead to it."""
    listing = "import sys, models.building; print(*sorted(m.__file__ for n, m in sys.modules.items() if n.startswith('models.')))"
    imported = subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True, check=True).stdout.split()
    code = building_code()
    assert {Path(file) for file in imported if not file.endswith("__init__.py")} <= set(code)
    assert {"model.py", "building.py", "ncnn.py"} <= {path.name for path in code}
    assert not {"serve.py", "npm.py", "fetch.py", "__main__.py"} & {path.name for path in code}


def test_another_platform_installs_anew(machine: Machine) -> None:
    machine.run("install")
    before = machine.snapshot()

    assert machine.run("install", "--threads", "1") == 0

    assert machine.snapshot()["sharpen/config.pbtxt"] != before["sharpen/config.pbtxt"]


@pytest.mark.parametrize("wrong", ["network_sha256", "member_sha256", "archive_sha256"])
def test_a_wrong_hash_installs_nothing(machine: Machine, capsys: pytest.CaptureFixture[str], wrong: str) -> None:
    machine.catalogue.write(**{wrong: "ab" * 32})

    assert machine.run("install") == 1

    error = capsys.readouterr().err
    assert "SHA-256 is" in error
    assert f"the catalogue expects {'ab' * 32}" in error
    assert not machine.repository.exists()


def test_a_wrong_hash_leaves_the_installed_model_as_it_was(machine: Machine) -> None:
    machine.run("install")
    before = machine.snapshot()
    machine.catalogue.write(network_sha256="ab" * 32)

    assert machine.run("install") == 1

    assert machine.snapshot() == before


@pytest.mark.parametrize("trouble", ["gone", "damaged", "incomplete"])
def test_the_next_source_is_taken_where_the_first_does_not_work(machine: Machine, trouble: str) -> None:
    tarball = machine.catalogue.tarball
    if trouble == "gone":
        tarball.unlink()
    elif trouble == "damaged":
        tarball.write_bytes(tarball.read_bytes()[:100])
        machine.catalogue.write()
    else:
        tarball_of(tarball, {"package/part1": machine.catalogue.parts["package/part1"]})
        machine.catalogue.write()

    assert machine.run("install") == 0

    manifest = json.loads((machine.repository / "manifest.json").read_text())
    assert manifest["models"]["sharpen"]["source"] == f"file:{machine.catalogue.wheel}"


def test_verify_finds_an_altered_and_a_missing_file(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.run("install")
    assert machine.run("verify") == 0
    weights = machine.repository / "sharpen" / "3" / "model.onnx"
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    (machine.repository / "sharpen" / "config.pbtxt").unlink()

    assert machine.run("verify") == 1

    error = capsys.readouterr().err
    assert f"{weights}: SHA-256 is" in error
    assert "config.pbtxt: missing" in error


def test_verify_finds_a_model_that_was_never_installed(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    assert machine.run("verify") == 1

    assert "sharpen: not installed" in capsys.readouterr().err


def test_a_lost_file_is_repaired(machine: Machine) -> None:
    machine.run("install")
    (machine.repository / "sharpen" / "3" / "model.onnx").unlink()

    assert machine.run("install") == 0

    assert machine.run("verify") == 0


def test_models_of_an_earlier_set_go_and_those_of_others_stay(machine: Machine) -> None:
    machine.run("install")
    own = machine.repository / "mine" / "config.pbtxt"
    own.parent.mkdir()
    own.write_text("name: 'mine'")
    catalogue = machine.catalogue.path.read_text(encoding="utf-8")
    machine.catalogue.path.write_text(catalogue.replace('sets = ["default", "full"]', 'sets = ["full"]'), encoding="utf-8")

    assert machine.run("install") == 0

    assert sorted(machine.snapshot()) == ["manifest.json", "mine/config.pbtxt"]
    assert machine.run("install", "--set", "full") == 0
    assert (machine.repository / "sharpen" / "3" / "model.onnx").is_file()


def test_an_installation_without_a_set_keeps_the_one_that_is_installed(machine: Machine) -> None:
    catalogue = machine.catalogue.path.read_text(encoding="utf-8")
    machine.catalogue.path.write_text(catalogue.replace('sets = ["default", "full"]', 'sets = ["inpaint"]'), encoding="utf-8")
    model = machine.repository / "sharpen"
    assert machine.run("install") == 0
    assert not model.exists()

    assert machine.run("install", "--set", "inpaint") == 0
    assert machine.run("install") == 0
    assert model.exists()
    assert machine.run("verify") == 0

    assert machine.run("install", "--set", "default") == 0
    assert not model.exists()


def test_catalogues_leave_each_others_models_alone(machine: Machine, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    machine.run("install")
    other = Machine(tmp_path / "other")
    other.repository = machine.repository
    assert other.run("install") == 1
    assert (
        f"sharpen: {machine.repository} has a model of this name from {machine.catalogue.path}; give yours another"
        in capsys.readouterr().err
    )

    renamed = other.catalogue.path.read_text(encoding="utf-8").replace("models.sharpen", "models.mine")
    other.catalogue.path.write_text(renamed, encoding="utf-8")
    assert other.run("install") == 0
    assert "2 models are ready, 1 of them from other catalogues" in capsys.readouterr().out
    assert machine.run("install") == 0
    assert {path.partition("/")[0] for path in machine.snapshot()} == {"manifest.json", "mine", "sharpen"}
    capsys.readouterr()
    machine.run("list", "--json")
    listed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(model["model"], model["installed"], model["summary"]) for model in listed] == [
        ("sharpen", True, "A model of the tests"),
        ("mine", True, f"from {other.catalogue.path}"),
    ]

    # A catalogue that has moved has its models still.
    other.catalogue.path = other.catalogue.path.rename(other.catalogue.path.with_name("moved.toml"))
    assert other.run("install") == 0
    assert machine.run("verify") == 0


def test_the_tiny_set_needs_no_weights(machine: Machine) -> None:
    machine.catalogue.tarball.unlink()
    machine.catalogue.wheel.unlink()

    assert machine.run("install", "--set", "tiny") == 0

    network = onnx.load(machine.repository / "sharpen" / "3" / "model.onnx")
    picture = np.full((1, 4, 4, 3), 77, dtype=np.uint8)
    np.testing.assert_array_equal(evaluate(network, image=picture), picture)


def test_list_names_every_model_with_version_and_licence(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    assert machine.run("list") == 0
    assert "sharpen  3        MIT      default,full  no " in capsys.readouterr().out
    machine.run("install")
    capsys.readouterr()
    assert machine.run("list") == 0
    assert "default,full  yes" in capsys.readouterr().out


def test_a_manifest_that_is_not_ours_is_refused(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.repository.mkdir()
    (machine.repository / "manifest.json").write_text("[]")

    assert machine.run("install") == 1

    assert "manifest.json: not a manifest of this installer" in capsys.readouterr().err
