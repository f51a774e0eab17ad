"""docker, podman and buildah as builders of images."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

BUILDERS = ("docker", "podman", "buildah")
# As containers-common, the package that has the file, allows: who is trusted is said by the digest in a FROM.
POLICY = {"default": [{"type": "insecureAcceptAnything"}]}
_POLICY_FILES = (Path("/etc/containers/policy.json"), Path.home() / ".config" / "containers" / "policy.json")
BASE = "localhost/darkroom-python:3.11-bookworm"
_SUITE = "bookworm"
# The library is what the process of a model embeds, in the image of the model server.
_PACKAGES = ("ca-certificates", "libpython3.11", "python3.11", "python3.11-venv")
_LEFT_OUT = ("/usr/share/doc/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/man/*")


class BuildError(Exception):
    """An image cannot be built. The message says why, for the person who builds it."""


@dataclass(frozen=True)
class Builder:
    """One of BUILDERS."""

    program: str

    def build(
        self,
        context: Path,
        dockerfile: Path,
        tag: str,
        *,
        target: str | None,
        arguments: Mapping[str, str],
        secrets: Mapping[str, Path],
    ) -> None:
        """Build an image. `secrets` are there during the build, by their ids, and in no layer. Raises BuildError."""
        options = [f"--file={dockerfile}", f"--tag={tag}", *([f"--target={target}"] if target else [])]
        options += [f"--build-arg={name}={value}" for name, value in arguments.items()]
        for name, file in secrets.items():
            if not os.access(file, os.R_OK):
                raise BuildError(f"{file} cannot be read")
            options.append(f"--secret=id={name},src={file.absolute()}")
        if self.program == "docker":
            # Finds DOCKERFILE.dockerignore by itself.
            self._run("build", *options, str(context), environment={"DOCKER_BUILDKIT": "1"})
            return
        options += ["--layers", "--format=docker", f"--ignorefile={dockerfile}.dockerignore"]
        if not any(map(shutil.which, ("crun", "runc"))):
            # Without a runtime for containers, such as on a bare buildah.
            options += ["--isolation=chroot", "--network=host"]
        self._run("build" if self.program == "podman" else "bud", *options, str(context))

    def import_root(self, archive: Path, tag: str) -> None:
        """Make an image of one layer from a tar file of its root. Raises BuildError."""
        if self.program != "buildah":
            self._run("import", str(archive), tag)
            return
        container = self._run("from", "scratch", quiet=True)
        try:
            self._run("add", "--quiet", container, str(archive), "/", quiet=True)
            self._run("commit", "--quiet", container, tag, quiet=True)
        finally:
            self._run("rm", container, quiet=True)

    def has(self, tag: str) -> bool:
        """Whether the image is there."""
        inspect = ("inspect", "--type=image", tag)
        return subprocess.run([self.program, *inspect], capture_output=True, check=False).returncode == 0

    def _run(self, command: str, *arguments: str, environment: Mapping[str, str] | None = None, quiet: bool = False) -> str:
        with tempfile.TemporaryDirectory(prefix="darkroom-images-") as folder:
            policy: list[str] = []
            if self.program == "buildah" and command in ("bud", "commit", "from") and not any(file.is_file() for file in _POLICY_FILES):
                file = Path(folder, "policy.json")
                file.write_text(json.dumps(POLICY))
                policy = [f"--signature-policy={file}"]
            words = [self.program, command, *policy, *arguments]
            ran = subprocess.run(words, env={**os.environ, **(environment or {})}, stdout=subprocess.PIPE if quiet else None, check=False)
        if ran.returncode != 0:
            raise BuildError(f"`{self.program} {command}` ended with status {ran.returncode}")
        return ran.stdout.decode().strip() if quiet else ""


def find_builder(wanted: str | None) -> Builder:
    """The wanted one, or the first that works. Raises BuildError if there is none."""
    for name in [wanted] if wanted else BUILDERS:
        # docker's client is of no use without its daemon.
        if shutil.which(name) and subprocess.run([name, "info"], capture_output=True, check=False).returncode == 0:
            return Builder(name)
    raise BuildError(f"{wanted} does not work here" if wanted else f"no builder of {', '.join(BUILDERS)} works here")


def make_base(builder: Builder) -> str:
    """Make the image with Python 3.11 from Debian's packages, for a builder that reaches a mirror of Debian and no registry of images.

    Returns its name; makes nothing if it is there. The mirror is the one that this machine's apt is configured with. Needs root.

    Raises BuildError.
    """
    if builder.has(BASE):
        return BASE
    if not shutil.which("mmdebstrap"):
        raise BuildError("mmdebstrap is needed to make an image from Debian's packages: apt-get install mmdebstrap")
    with tempfile.TemporaryDirectory(prefix="darkroom-images-") as folder:
        archive = Path(folder, "root.tar")
        options = [f"--include={','.join(_PACKAGES)}", *(f"--dpkgopt=path-exclude={path}" for path in _LEFT_OUT)]
        ran = subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase", *options, _SUITE, str(archive)], check=False)
        if ran.returncode != 0:
            raise BuildError(f"mmdebstrap ended with status {ran.returncode}")
        builder.import_root(archive, BASE)
    return BASE
