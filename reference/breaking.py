"""`python -m reference.breaking`: compare the protos and the OpenAPI documents with those of the last release, the newest tag.

The release's own code writes its documents, with the packages of this version; they are kept in .cache, since a release does not change.
A change that is meant is named in accepted_changes.toml, as it is printed here, until the next release.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

from reference.__main__ import documents
from reference.compatibility import breaking_changes

_ROOT = Path(__file__).resolve().parent.parent
_ACCEPTED = Path(__file__).with_name("accepted_changes.toml")
_RELEASES = _ROOT / ".cache" / "releases"
# The sources of the documents, and those that buf reads.
_SOURCES = ("buf.yaml", "pyproject.toml", "protos", "third_party", "reference", "services", "clients")


def main() -> int:
    """The command line; the exit status."""
    tag = _git("describe", "--tags", "--abbrev=0")
    if not tag:
        print("There is no release yet (no tag in the history of this commit): nothing to compare with.")
        return 0
    release = _release(_git("rev-parse", f"{tag}^{{commit}}"))
    buf = subprocess.run([Path(sys.executable).with_name("buf"), "breaking", "--against", release], cwd=_ROOT, check=False)
    problems = unaccepted_changes(release / "openapi", documents(), tomllib.loads(_ACCEPTED.read_text())["accepted"])
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems or buf.returncode:
        print(f"Clients of {tag} can break. Change it back, or accept it: buf.yaml, {_ACCEPTED.relative_to(_ROOT)}.", file=sys.stderr)
        return 1
    print(f"The protos and the OpenAPI documents break nothing of {tag}.")
    return 0


def unaccepted_changes(release: Path, current: dict[str, str], accepted: list[str]) -> list[str]:
    """The breaking changes of the documents in the folder `release` that nobody has accepted, and what is accepted and no change."""
    changes = []
    for file in sorted(release.glob("*.json")):
        if file.name in current:
            found = breaking_changes(json.loads(file.read_text()), json.loads(current[file.name]))
            changes += [f"{file.name}: {change}" for change in found]
        else:
            changes.append(f"{file.name} is gone")
    idle = [f"{_ACCEPTED.name}: remove `{change}`, which is no change any more" for change in accepted if change not in changes]
    return [change for change in changes if change not in accepted] + idle


def _release(commit: str) -> Path:
    """The folder with the release's protos, as buf reads them, and its OpenAPI documents in `openapi`."""
    folder = _RELEASES / commit
    if folder.is_dir():
        return folder
    shutil.rmtree(_RELEASES, ignore_errors=True)
    building = _RELEASES / "building"
    building.mkdir(parents=True)
    archive = subprocess.run(["git", "archive", commit, *_SOURCES], cwd=_ROOT, stdout=subprocess.PIPE, check=True).stdout
    subprocess.run(["tar", "-x", "-C", building], input=archive, check=True)
    # Without `site`, which would add this version's folders: a surface that both have would be there twice.
    paths = (building, building / "gen", building / "clients" / "python", sysconfig.get_path("purelib"))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}
    for command in (["protos/generate.py"], ["-m", "reference", "openapi", "openapi"]):
        subprocess.run([sys.executable, "-S", *command], cwd=building, env=environment, check=True)
    for path in (*(building / name for name in ("clients", "reference", "services")), *(building / "gen").iterdir()):
        if path.is_dir() and path.name != "google_protos":
            shutil.rmtree(path)
    return building.rename(folder)


def _git(*arguments: str) -> str:
    """The output of git; empty if it fails, as for a release's archive, which has no history."""
    return subprocess.run(["git", *arguments], cwd=_ROOT, capture_output=True, text=True, check=False).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
