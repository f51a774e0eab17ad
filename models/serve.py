"""`python -m models.serve`: becomes a Triton server, on Unix sockets or for other hosts, with the models of one repository.

It first checks that the server's processes will find their libraries, and those for a GPU if a model is for one (`preconditions.py`). Then
the server replaces this process, so that the supervisor's signals reach it and the exit status is the server's: 1 if a model cannot be
loaded. A second process, `models.watch`, ends the server when a model has lost its process. The server logs to standard error and standard
output.

Only its own user can reach the sockets, `triton-http.sock` and that of gRPC (`grpc_target`), and read the shared memory of its models.
Metrics are on loopback, open to every user of the machine.

With `--grpc-address`, gRPC is on that address in place of its socket, by mutual TLS: clients need a certificate of the same authority.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from models.errors import ServeError
from models.preconditions import check_gpu, check_libraries
from models.triton_environment import TritonEnvironment, keep_creation_modes, prepare, region_prefix, remove_stale_regions
from models.watch import watch_from_outside

_LOOPBACK = "127.0.0.1"
_MODEL_START_SECONDS = 180
_RESOURCE = "resource=service.name=darkroom-triton"


# Triton takes every address with a port, and appends it to the path of gRPC's socket.
_PORT = 1


@dataclass(frozen=True, slots=True)
class TlsAddress:
    """Where gRPC is served to other hosts, by mutual TLS."""

    host: str
    port: int
    certificates: Path
    """Folder with ca.crt, tls.crt and tls.key."""

    @property
    def arguments(self) -> list[str]:
        """The server's options."""
        return [
            f"--grpc-address={self.host}",
            f"--grpc-port={self.port}",
            "--grpc-use-ssl=1",
            "--grpc-use-ssl-mutual=1",
            f"--grpc-root-cert={self.certificates / 'ca.crt'}",
            f"--grpc-server-cert={self.certificates / 'tls.crt'}",
            f"--grpc-server-key={self.certificates / 'tls.key'}",
        ]


def grpc_target(folder: Path) -> str:
    """The gRPC target of a server with its sockets in `folder`."""
    return f"{_grpc_address(folder)}:{_PORT}"


def _grpc_address(folder: Path) -> str:
    return f"unix:{folder.absolute()}/triton.sock"


def _http_socket(folder: Path) -> Path:
    return folder.absolute() / "triton-http.sock"


def triton_command(
    environment: TritonEnvironment,
    repository: Path,
    sockets: Path,
    metrics_port: int,
    *,
    inherited: Mapping[str, str],
    pid: int,
    exit_timeout_s: int = 10,
    trace_url: str | None = None,
    address: TlsAddress | None = None,
    metrics_host: str = _LOOPBACK,
) -> tuple[list[str], dict[str, str]]:
    """The arguments and environment variables that start the server, with its sockets in the folder `sockets`.

    `pid` is that of the process that will be the server; it makes the names of its shared-memory regions unique. After SIGTERM the server
    gives requests in flight `exit_timeout_s` to finish. It exports spans of requests that are already part of a trace to `trace_url` (OTLP
    over HTTP). With `address`, gRPC is there and has no socket.
    """
    arguments = [
        str(environment.server),
        f"--model-repository={repository.absolute()}",
        f"--backend-directory={environment.backends}",
        # Models are loaded and unloaded over gRPC while the server runs; at its start, it loads all that are installed.
        "--model-control-mode=explicit",
        "--load-model=*",
        "--exit-on-error=true",
        "--strict-readiness=true",
        # Every configuration is complete; auto-completion would start each model's process one more time.
        "--disable-auto-complete-config",
        f"--exit-timeout-secs={exit_timeout_s}",
        *(address.arguments if address is not None else [f"--grpc-address={_grpc_address(sockets)}", f"--grpc-port={_PORT}"]),
        f"--http-address=unix:{_http_socket(sockets)}",
        f"--http-port={_PORT}",
        f"--metrics-address={metrics_host}",
        f"--metrics-port={metrics_port}",
        "--allow-gpu-metrics=false",
        f"--backend-config=python,shm-region-prefix-name={region_prefix(pid)}",
        # A model's process that is not up in time ends the server. The default of 30 s is too short, since all models start at once.
        f"--backend-config=python,stub-timeout-seconds={_MODEL_START_SECONDS}",
        "--log-verbose=0",
    ]
    if trace_url is not None:
        # Rate 0: the server starts no traces of its own.
        tracing = ("mode=opentelemetry", "rate=0", "level=TIMESTAMPS", f"opentelemetry,url={trace_url}", f"opentelemetry,{_RESOURCE}")
        arguments += [f"--trace-config={setting}" for setting in tracing]
    variables = dict(inherited)
    # The stub embeds Python and locates its packages through the first `python3` on PATH.
    variables["PATH"] = os.pathsep.join([str(environment.executables), inherited.get("PATH", os.defpath)])
    # The wheel's own come first. Those that are inherited may include the driver's, as in containers.
    libraries = [*environment.libraries, *filter(None, inherited.get("LD_LIBRARY_PATH", "").split(os.pathsep))]
    variables["LD_LIBRARY_PATH"] = os.pathsep.join(map(str, libraries))
    # These would point the embedded Python at another environment.
    for name in ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV"):
        variables.pop(name, None)
    return arguments, variables


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Replaces this process by the server. If that fails, prints the reason to stderr and exits with 1."""
    options = _parser().parse_args(arguments)
    try:
        if not _may_be_served(options.repository):
            raise ServeError(f"{options.repository}: no models here; run `python -m models install` first")
        address = _tls_address(options.grpc_address, options.tls_dir)
        environment = prepare(options.venv)
        command, variables = triton_command(
            environment,
            options.repository,
            options.sockets,
            options.metrics_port,
            inherited=os.environ,
            pid=os.getpid(),
            exit_timeout_s=options.exit_timeout,
            trace_url=options.trace_url,
            address=address,
            metrics_host=options.metrics_host,
        )
        check_libraries([environment.server, environment.stub], options.venv, variables)
        check_gpu(options.repository, options.venv, variables)
    except ServeError as error:
        sys.exit(f"error: {error}")
    remove_stale_regions()
    # The server does not start where a killed one has left its socket.
    http = _http_socket(options.sockets)
    http.unlink(missing_ok=True)
    watch_from_outside(os.getpid(), http)
    os.umask(0o077)
    keep_creation_modes()
    sys.stdout.flush()
    os.execve(command[0], command, variables)  # noqa: S606 - the arguments are made here, no shell reads them


def _may_be_served(repository: Path) -> bool:
    if any(repository.glob("*/config.pbtxt")):
        return True
    # It loads pydantic: a tenth of a second, and memory that the watching process, a fork of this one, would keep.
    from models.bundles import CHOICES

    # Without models, but with choices, all of them were removed while the platform ran.
    return (repository / CHOICES).is_file()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m models.serve", description="Serve a model repository.")
    parser.add_argument("--repository", type=Path, default=Path(".cache/models"), help="default: .cache/models")
    parser.add_argument("--venv", type=Path, default=Path(".venv-triton"), help="environment with nvidia-pytriton")
    parser.add_argument("--sockets", type=Path, required=True, help="folder for Unix sockets; at most 80 bytes long")
    parser.add_argument("--grpc-address", type=_address, help="host:port for gRPC, by mutual TLS, in place of its socket; needs --tls-dir")
    parser.add_argument("--tls-dir", type=Path, help="folder with ca.crt, tls.crt and tls.key, for --grpc-address")
    parser.add_argument("--metrics-port", type=_port, required=True, help="port for metrics")
    parser.add_argument("--metrics-host", default=_LOOPBACK, help=f"address for metrics, which hold no content (default {_LOOPBACK})")
    parser.add_argument("--trace-url", help="where spans are exported to by OTLP over HTTP: http://host:4318/v1/traces")
    parser.add_argument("--exit-timeout", type=int, default=10, help="seconds that requests may finish in after SIGTERM")
    return parser


def _tls_address(address: tuple[str, int] | None, certificates: Path | None) -> TlsAddress | None:
    if address is None:
        return None
    if certificates is None:
        raise ServeError("--grpc-address needs --tls-dir: whoever reached the address without TLS could use and unload the models")
    for name in ("ca.crt", "tls.crt", "tls.key"):
        if not os.access(certificates / name, os.R_OK):
            raise ServeError(f"{certificates} holds no readable {name}")
    return TlsAddress(*address, certificates.absolute())


def _address(text: str) -> tuple[str, int]:
    host, separator, port = text.rpartition(":")
    if not separator or not host or not port.isdecimal():
        raise argparse.ArgumentTypeError("must be host:port")
    return host, _port(port)


def _port(text: str) -> int:
    port = int(text)
    if not 1 <= port <= 65535:
        raise argparse.ArgumentTypeError("1 to 65535 are allowed")
    return port


if __name__ == "__main__":
    main()
