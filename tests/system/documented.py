"""Runs the examples of a documentation page.

A fenced block whose info string says `run`, such as ```` ```sh run ````, is an example. Those of a page run in order and in one shell, in a
folder that looks like the checkout after `make up`: it has `samples/`, `.venv/` and `.darkroom/env`. Nothing else is set. `sh` runs as it
stands, and `python` as a program of `.venv`. The first command that fails ends it; curl fails where the server refuses.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import pikepdf
from PIL import Image

DOCS = Path(__file__).resolve().parents[2] / "docs"
_FENCE = re.compile(r"^```(sh|python) run\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SECONDS = 240


@dataclass(frozen=True)
class Example:
    """A block of a page."""

    language: str
    text: str
    line: int


def examples(page: Path) -> list[Example]:
    """The page's examples, in order."""
    text = page.read_text()
    return [Example(found[1], found[2], text.count("\n", 0, found.start()) + 1) for found in _FENCE.finditer(text)]


def pages_with_examples() -> list[Path]:
    """Every page that has any."""
    return sorted(page for page in DOCS.rglob("*.md") if examples(page))


async def run(page: Path, folder: Path, env_file: str = "", **environment: str) -> tuple[int, str, str]:
    """Run a page's examples in a folder, with `env_file` as its `.darkroom/env`.

    Returns exit status, output and errors; the errors say which line of the page came last.
    """
    checkout(folder, env_file)
    (folder / ".curlrc").write_text("fail-with-body\n")
    script = "\n".join(_as_shell(number, example, folder) for number, example in enumerate(examples(page)))
    shell = await asyncio.create_subprocess_exec(
        "bash",
        "-euo",
        "pipefail",
        "-c",
        script,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_SECONDS):
            out, err = await shell.communicate()
    except TimeoutError:
        shell.kill()
        raise
    assert shell.returncode is not None
    return shell.returncode, out.decode(), err.decode()


def checkout(folder: Path, env_file: str) -> None:
    """Make a folder look like the checkout."""
    small_samples(folder / "samples")
    (folder / ".venv").symlink_to(Path(sys.prefix))
    (folder / ".darkroom").mkdir()
    (folder / ".darkroom/env").write_text(env_file)


def small_samples(folder: Path) -> None:
    """A folder of the samples, but smaller, since nobody looks at the results: tiny photos on a plain ground, and a corner of one page."""
    samples = DOCS.parent / "samples"
    folder.mkdir()
    for name in ("portrait.jpg", "coffee.jpg"):
        with Image.open(samples / name) as photo:
            photo.thumbnail((48, 48))
            # The edges of a photo that fills the picture would be solved at the model's full size.
            picture = Image.new("RGB", (160, 160), (235, 235, 230))
            picture.paste(photo, (56, 56))
            picture.save(folder / name)
    with pikepdf.open(samples / "report.pdf") as document:
        del document.pages[1:]
        document.pages[0].mediabox = document.pages[0].cropbox = pikepdf.Array([210, 480, 290, 560])
        document.save(folder / "report.pdf")


def _as_shell(number: int, example: Example, folder: Path) -> str:
    where = f"echo '== line {example.line}' >&2\n"
    if example.language == "sh":
        return where + example.text
    program = folder / f"example-{number}.py"
    program.write_text(example.text)
    return f"{where}.venv/bin/python {program.name}\n"
