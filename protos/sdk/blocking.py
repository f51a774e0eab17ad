"""The client without `await`, generated from the asynchronous one's source: the same signatures and docstrings, and calls into a loop."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path

from protos.sdk.options import docstring_literal

CLIENT = Path(__file__).resolve().parent.parent.parent / "clients" / "python" / "darkroom"
_ROOT = ("client", "AsyncClient")
_HEAD = '''"""The client of programs without asyncio."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from darkroom.blocking import BlockingClient, BlockingPart
'''


class _Module:
    """One module's classes, and where the names in their signatures come from."""

    def __init__(self, name: str, source: str) -> None:
        self.classes: dict[str, ast.ClassDef] = {}
        self.origins: dict[str, tuple[str, str]] = {}
        for node in ast.parse(source).body:
            if isinstance(node, ast.Import):
                self.origins |= {alias.name: ("", alias.name) for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module is not None:
                self.origins |= {alias.asname or alias.name: (node.module, alias.name) for alias in node.names}
            elif isinstance(node, ast.ClassDef):
                self.classes[node.name] = node
                self.origins[node.name] = (f"darkroom.{name}", node.name)
            elif isinstance(node, ast.Assign):
                self.origins |= {target.id: (f"darkroom.{name}", target.id) for target in node.targets if isinstance(target, ast.Name)}


class _Writer:
    """Collects the classes of the blocking client and their imports."""

    def __init__(self, generated: Mapping[str, str]) -> None:
        self._generated = generated
        self._modules: dict[str, _Module] = {}
        self._imports: dict[str, tuple[str, str]] = {}
        self.classes: list[str] = []

    @property
    def imports(self) -> list[str]:
        return [_import(local, module, name) for local, (module, name) in sorted(self._imports.items())]

    def module(self, name: str) -> _Module:
        if name not in self._modules:
            source = self._generated[name] if name in self._generated else (CLIENT / f"{name}.py").read_text()
            self._modules[name] = _Module(name, source)
        return self._modules[name]

    def part(self, module: str, name: str) -> None:
        """Add a class whose methods call their asynchronous namesakes."""
        self._imports[f"Async{name}"] = (f"darkroom.{module}", name)
        self.classes.append(_class(self.module(module).classes[name], name, f"BlockingPart[Async{name}]", self._methods(module, name)))

    def client(self) -> None:
        """Add the client itself, after its parts."""
        module, name = _ROOT
        node = self.module(module).classes[name]
        methods: list[str] = []
        for attribute, part in _parts(node):
            self.part(self.module(module).origins[part][0].removeprefix("darkroom."), part)
            methods += [
                "    @cached_property",
                f"    def {attribute}(self) -> {part}:",
                f'        """As `AsyncClient.{attribute}`."""',
                f"        return {part}(self._thread, self._core.{attribute})",
                "",
            ]
        docstring = (
            "An account's view of a Darkroom server. Use it as a context manager; it may be shared by any number of threads.\n\n"
            + (ast.get_docstring(node) or "").partition("\n\n")[2]
        )
        self.classes.append(_class(node, "Client", "BlockingClient", [*methods, *self._inherited(module, name)], docstring))

    def _inherited(self, module: str, name: str) -> Iterator[str]:
        """The methods of a class's direct and indirect bases, each once, the nearest first."""
        seen: set[str] = set()
        waiting = [(module, name)]
        while waiting:
            module, name = waiting.pop(0)
            if (module, name) != _ROOT and name not in seen:
                yield from self._methods(module, name)
            seen.add(name)
            for base in self.module(module).classes[name].bases:
                origin, original = self.module(module).origins[ast.unparse(base)]
                waiting.append((origin.removeprefix("darkroom."), original))

    def _methods(self, module: str, name: str) -> list[str]:
        lines: list[str] = []
        for node in self.module(module).classes[name].body:
            if isinstance(node, ast.AsyncFunctionDef) and not node.name.startswith("_"):
                lines += [*self._method(module, node), ""]
        return lines

    def _method(self, module: str, node: ast.AsyncFunctionDef) -> list[str]:
        assert node.returns is not None, node.name
        returns = ast.unparse(node.returns)
        runner = "run"
        if returns.startswith("AsyncIterator["):
            returns, runner = returns.removeprefix("Async"), "iterate"
        for used in ast.walk(ast.Module(body=[ast.Expr(part) for part in _signature(node)], type_ignores=[])):
            if isinstance(used, ast.Name) and used.id in self.module(module).origins and used.id != "AsyncIterator":
                self._use(used.id, self.module(module).origins[used.id])
        docstring = textwrap.indent(docstring_literal(ast.get_docstring(node) or ""), " " * 8)
        call = f"self._core.{node.name}({', '.join(_passed(node.args))})"
        return [f"    def {node.name}({ast.unparse(node.args)}) -> {returns}:", docstring, f"        return self._thread.{runner}({call})"]

    def _use(self, local: str, origin: tuple[str, str]) -> None:
        if self._imports.setdefault(local, origin) != origin:
            raise ValueError(f"{local} is {origin} and {self._imports[local]}: give one of them another name")


def synchronous_module(generated: Mapping[str, str]) -> str:
    """The module `darkroom.synchronous`. `generated` holds sources that are not among the client's own, by name."""
    writer = _Writer(generated)
    writer.client()
    return "\n".join([_HEAD, *writer.imports, "", "", "\n\n".join(writer.classes)])


def _import(local: str, module: str, name: str) -> str:
    if not module:
        return f"import {name}"
    return f"from {module} import {name}" + ("" if local == name else f" as {local}")


def _class(node: ast.ClassDef, name: str, base: str, methods: list[str], docstring: str | None = None) -> str:
    text = docstring or ast.get_docstring(node) or ""
    return "\n".join([f"class {name}({base}):", textwrap.indent(docstring_literal(text), " " * 4), "", *methods])


def _parts(client: ast.ClassDef) -> Iterator[tuple[str, str]]:
    """The public attributes that the client's `__init__` sets to an object of another class, with that class."""
    for node in ast.walk(client):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Name):
            for target in node.targets:
                if isinstance(target, ast.Attribute) and not target.attr.startswith("_"):
                    yield target.attr, node.value.func.id


def _signature(node: ast.AsyncFunctionDef) -> Iterator[ast.expr]:
    arguments = node.args
    for argument in (*arguments.posonlyargs, *arguments.args, arguments.vararg, *arguments.kwonlyargs):
        if argument is not None and argument.annotation is not None:
            yield argument.annotation
    yield from arguments.defaults
    yield from (default for default in arguments.kw_defaults if default is not None)
    if node.returns is not None:
        yield node.returns


def _passed(arguments: ast.arguments) -> Iterator[str]:
    for argument in (*arguments.posonlyargs, *arguments.args)[1:]:
        yield argument.arg
    if arguments.vararg is not None:
        yield f"*{arguments.vararg.arg}"
    for argument in arguments.kwonlyargs:
        yield f"{argument.arg}={argument.arg}"
