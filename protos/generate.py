"""Generate gen/ from protos/: Python modules with type stubs, the comments of operations, the client's methods, and the descriptor set
that Envoy transcodes with.

`python protos/generate.py` changes nothing when neither a proto, a generator nor the client has changed. The result replaces gen/ in one
step, so a reader never sees half of it.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import google.rpc

from reference.comments import Comments

ROOT = Path(__file__).resolve().parent.parent
GEN = ROOT / "gen"
GOOGLE_PROTOS = (
    "google/api/annotations.proto",
    "google/api/http.proto",
    "google/api/httpbody.proto",
    "google/rpc/code.proto",
    "google/rpc/status.proto",
)
THIRD_PARTY = ROOT / "third_party/protos"
OPERATIONS = "darkroom.operations.v1"
GENERATORS = ("grpcio-tools", "mypy-protobuf", "googleapis-common-protos", "protobuf")


def main() -> None:
    """Bring gen/ up to date."""
    sources = sorted((ROOT / "protos").rglob("*.proto"))
    validate = THIRD_PARTY / "buf/validate/validate.proto"
    stamp = _digest([*sources, validate, ROOT / "reference" / "comments.py", Path(__file__)])
    stamp_file = GEN / ".stamp"
    if stamp_file.exists() and stamp_file.read_text() == stamp:
        _python_client(GEN)
        return
    fresh = ROOT / "gen.new"
    shutil.rmtree(fresh, ignore_errors=True)
    google_protos = fresh / "google_protos"
    # google.rpc is a namespace of the installed googleapis-common-protos, which has the .proto files next to the modules.
    installed = Path(next(iter(google.rpc.__path__))).parent.parent
    for name in GOOGLE_PROTOS:
        (google_protos / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(installed / name, google_protos / name)
    descriptors = (f"--descriptor_set_out={fresh / 'descriptors.pb'}", "--include_imports", "--include_source_info")
    _protoc(fresh, [ROOT / "protos", THIRD_PARTY, google_protos], [*sources, validate], *descriptors)
    _write_comments(fresh)
    _python_client(fresh)
    stamp_file = fresh / ".stamp"
    stamp_file.write_text(stamp)
    shutil.rmtree(GEN, ignore_errors=True)
    fresh.rename(GEN)


def _protoc(out: Path, includes: list[Path], files: list[Path], *options: str) -> None:
    plugins = Path(sys.executable).parent
    arguments = [
        *(f"--proto_path={path}" for path in includes),
        f"--plugin=protoc-gen-mypy={plugins / 'protoc-gen-mypy'}",
        f"--plugin=protoc-gen-mypy_grpc={plugins / 'protoc-gen-mypy_grpc'}",
        f"--python_out={out}",
        f"--mypy_out=quiet:{out}",
        f"--grpc_python_out={out}",
        f"--mypy_grpc_out=quiet:{out}",
        *options,
    ]
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *arguments, *map(str, files)], check=True, cwd=ROOT)


def _write_comments(out: Path) -> None:
    """Write the protos' comments on operations, for the command line's help: descriptors hold no comments at run time."""
    texts = "".join(f"    {name!r}: {text!r},\n" for name, text in sorted(Comments(out / "descriptors.pb").below(OPERATIONS).items()))
    module = out / Path(*OPERATIONS.split(".")) / "comments.py"
    module.write_text(
        '"""The comment of each element by its full name, an enum\'s value below its enum; a paragraph a line."""\n\n'
        f"TEXTS: dict[str, str] = {{\n{texts}}}\n"
    )


def _python_client(gen: Path) -> None:
    """Write the client's generated modules, which also depend on the client's source; only those that have changed."""
    # In a separate process, which imports the modules that have just been generated. Those of the old gen/ would come first if they were in
    # a package and the new ones were not.
    (gen / "darkroom" / "operations" / "__init__.py").touch()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (str(gen), os.environ.get("PYTHONPATH"))))}
    subprocess.run([sys.executable, "-m", "protos.sdk", str(gen)], check=True, cwd=ROOT, env=environment)


def _digest(files: list[Path]) -> str:
    digest = hashlib.sha256(" ".join(f"{name}={version(name)}" for name in GENERATORS).encode())
    for file in files:
        digest.update(file.relative_to(ROOT).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


if __name__ == "__main__":
    main()
