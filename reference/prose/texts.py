"""The prose of a file, without its code."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Text:
    """A passage, and the line where it begins. It has the line breaks of the file, as far as the file has it in one piece."""

    line: int
    text: str


def texts(path: Path) -> Iterator[Text]:
    """The passages of a file whose kind is known."""
    yield from READERS[path.suffix](path.read_text())


_FENCED = re.compile(r"^( *)(```|~~~).*?^\1\2 *$", re.MULTILINE | re.DOTALL)
_GENERATED = re.compile(r"<!-- options of .*?<!-- end of options -->|<!--.*?-->", re.DOTALL)
_CODE = re.compile(r"(`+).+?\1", re.DOTALL)
_TARGET = re.compile(r"(?<=\])\([^)\s]*\)|https?://\S+")
# A passage ends at an empty line, a heading, an item of a list, a cell of a table.
_PASSAGE = re.compile(r"\n\s*\n|^#.*$|^\s*(?:[-*]|\d+\.) |(?<!\\)\||^\s*>", re.MULTILINE)


def _markdown(source: str) -> Iterator[Text]:
    for pattern in (_FENCED, _GENERATED, _CODE, _TARGET):
        source = pattern.sub(_blank, source)
    yield from _passages(source)


def _blank(match: re.Match[str]) -> str:
    """As many lines without words. Code within a sentence stays a noun."""
    return "·" + "\n" * match[0].count("\n")


def _passages(source: str) -> Iterator[Text]:
    start = 0
    for end in [*_PASSAGE.finditer(source), None]:
        piece = source[start : end.start() if end else len(source)]
        if any(letter.isalpha() for letter in piece):
            yield Text(source.count("\n", 0, start) + 1, piece)
        start = end.end() if end else start


def _python(source: str) -> Iterator[Text]:
    yield from _comments(
        (token.start[0], token.string[1:])
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT and not re.match(r"# (?:type|noqa|ruff|pragma)\b|#!", token.string)
    )
    inside: set[ast.AST] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            inside.update(node.values)
            yield from _literal(node.lineno, "".join(_part(value) for value in node.values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in inside:
            yield from _literal(node.lineno, node.value)


def _part(node: ast.expr) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else "·"


def _literal(line: int, value: str) -> Iterator[Text]:
    """A string with words in it, read like Markdown: docstrings and messages mark code as it does."""
    if value.count(" ") > 1:
        yield from (Text(line + text.line - 1, text.text) for text in _markdown(value))


def _comments(lines: Iterator[tuple[int, str]]) -> Iterator[Text]:
    """Comments on successive lines are one passage."""
    begin, last, block = 0, -1, ""
    for line, text in lines:
        if line == last + 1:
            block += "\n" + text
        else:
            yield from _literal(begin, block)
            begin, block = line, text
        last = line
    yield from _literal(begin, block)


_SLASHES = re.compile(r"^(?:.*?[\s;{(,])??//(?!/)(.*)$|^//(.*)$")
_STARRED = re.compile(r"/\*.*?\*/", re.DOTALL)
_QUOTED = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`")
_ELEMENT_TEXT = re.compile(r"(?<=>)[^<>{}=;]+(?=[<{])")


def _slashed(source: str) -> Iterator[Text]:
    numbered = enumerate(source.splitlines(), 1)
    yield from _comments((line, found[1] or found[2] or "") for line, text in numbered if (found := _SLASHES.match(text)))


def _script(source: str) -> Iterator[Text]:
    yield from _slashed(source)
    for pattern in (_STARRED, _QUOTED, _ELEMENT_TEXT):
        for match in pattern.finditer(source):
            value = re.sub(r"\$\{[^}]*\}", "·", match[0].strip("/*\"'`"))
            yield from _literal(source.count("\n", 0, match.start()) + 1, re.sub(r"^\s*\*", " ", value, flags=re.MULTILINE))


READERS: dict[str, Callable[[str], Iterator[Text]]] = {
    ".md": _markdown,
    ".py": _python,
    ".proto": _slashed,
    ".ts": _script,
    ".tsx": _script,
}
