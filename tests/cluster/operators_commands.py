"""The commands of docs/operator/backup.md, as they stand there, run on this machine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import yaml

from deploy.local.layout import REPOSITORY

_PAGE = REPOSITORY / "docs" / "operator" / "backup.md"
_COMPOSE = REPOSITORY / "deploy" / "compose" / "compose.yaml"
# Runs what the image's entrypoint and compose.yaml's `admin` run, with this machine's paths in place of those that are mounted.
_STUB = """
set -euo pipefail
admin() { "$PYTHON" -m deploy.admin "$@"; }
darkroom-admin() { (admin "$@"); }
sudo() { :; }
docker() {
  local arguments=() mounts=() entry=()
  if [[ $1 == compose ]]; then entry=(%s); fi
  while [[ $1 != admin ]]; do
    if [[ $1 == --volume ]]; then mounts+=("$2"); shift; fi
    shift
  done
  shift
  mounts+=("$PWD/installation:/installation")
  for argument in "${entry[@]}" "$@"; do
    for mount in "${mounts[@]}"; do
      local here=${mount%%%%:*} there=${mount#*:}
      there=${there%%:ro}
      if [[ $argument == "$there" ]]; then argument=$here; break; fi
    done
    arguments+=("$argument")
  done
  admin "${arguments[@]}"
}
"""


def run(section: str, what: str, folder: Path, recipient: str, *, without: str = "nothing") -> str:
    """Run the lines of a section in which `what` is a word, and `without` is none, in a folder with `installation` and `key.txt`; returns
    what they print."""
    page = _PAGE.read_text().split(f"\n## {section}\n")[1].split("\n## ")[0]
    lines = [line for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL) for line in block.splitlines()]
    wanted = [line for line in lines if what in line.split() and without not in line.split()]
    assert wanted, f"{section} has no {what}"
    entrypoint = " ".join(yaml.safe_load(_COMPOSE.read_text())["services"]["admin"]["entrypoint"][1:])
    done = subprocess.run(
        ["bash", "-c", _STUB % entrypoint + "\n".join(wanted)],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHON": sys.executable, "RECIPIENT": recipient},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{wanted}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr
