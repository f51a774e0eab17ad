"""A surface that the platform does not have: its protos, each in a folder of its own, and what compiles and serves them."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc

from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import current_identity
from services.platform.rpc import catalogue
from services.platform.rpc.server import Mount

_HERE = Path(__file__).resolve().parent
_ROOT = _HERE.parents[3]

Context = grpc.aio.ServicerContext[Any, Any]


@contextmanager
def surface_added(name: str, folder: Path) -> Iterator[None]:
    """Compile the protos of `name` to `folder` and let the platform find them there, as long as the block lasts."""
    _compile(_HERE / name, folder)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    catalogue.forget()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        # Those of the surface, and the packages without a file that led to them.
        for loaded, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None)
            if loaded.partition(".")[0] == "compat" and (file is None or file.startswith(str(folder))):
                del sys.modules[loaded]
        catalogue.forget()


def tiny_mounts() -> list[Mount]:
    """The surface `tiny`, served."""
    pb: Any = importlib.import_module("compat.tiny.v1.tiny_pb2")
    pb_grpc: Any = importlib.import_module("compat.tiny.v1.tiny_pb2_grpc")

    class Counting:
        async def Count(self, request: Any, context: Context) -> Any:  # noqa: N802 - an rpc
            if request.things == "none":
                raise DarkroomError(ErrorReason.TASK_NOT_FOUND, "There are none.")
            return pb.CountReply(things=request.things, account=str(current_identity().account_id))

        Recount = Count

    class Tiny(Counting, pb_grpc.TinyServiceServicer):
        async def Greet(self, request: Any, context: Context) -> Any:  # noqa: N802 - an rpc
            if not request.name:
                raise DarkroomError(ErrorReason.FIELD_INVALID, "name: say who you are", field="name")
            seen = dict(context.invocation_metadata() or ())
            assert not {"x-tiny", "authorization", "x-api-key"} & seen.keys()
            return pb.GreetReply(text=f"Hello, {request.name}.", account=str(current_identity().account_id))

    class TinyGrpc(Counting, pb_grpc.TinyGrpcServiceServicer):
        pass

    return [Mount(Tiny()), Mount(TinyGrpc())]


def _compile(protos: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    arguments = [
        *(f"--proto_path={path}" for path in (protos, _ROOT / "protos", _ROOT / "third_party" / "protos", _ROOT / "gen" / "google_protos")),
        f"--python_out={out}",
        f"--grpc_python_out={out}",
        f"--descriptor_set_out={out / 'descriptors.pb'}",
        "--include_imports",
        "--include_source_info",
    ]
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *arguments, *map(str, protos.rglob("*.proto"))], check=True)
