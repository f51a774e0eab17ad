"""The console's Chinese texts of notices are those of all notices that the server can send."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.inference.media.notes import NOTES
from services.inference.pdf.texts import KEPT, WARNINGS
from services.tasks.domain.lifecycle.lane_workers import STANDBY_REASONS

REPOSITORY = Path(__file__).parents[3]
TEXTS = REPOSITORY / "console/src/i18n/zh/notices.ts"
WORDINGS = {"picture_note": NOTES, "document_warning": WARNINGS, "watermark_kept": KEPT, "ran_on_standby_worker": STANDBY_REASONS}


def _calls() -> Iterator[tuple[Path, ast.Module, ast.Call, str]]:
    for path in (REPOSITORY / "services").rglob("*.py"):
        if re.search(r"[nN]otice\(|UnsupportedOption\(", source := path.read_text()):
            tree = ast.parse(source)
            for node in ast.walk(tree):
                if isinstance(node, ast.Call):
                    yield path, tree, node, getattr(node.func, "attr", getattr(node.func, "id", ""))


def _texts(node: ast.AST | None, tree: ast.Module) -> list[str]:
    """The texts that an expression may be: itself, or what the variable of that name may be."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.IfExp):
        return [*_texts(node.body, tree), *_texts(node.orelse, tree)]
    if isinstance(node, ast.Name):
        given = [each.value for each in ast.walk(tree) if isinstance(each, ast.Assign) and node.id in ast.unparse(each.targets[0])]
        constants = [each.value for value in given for each in ast.walk(value) if isinstance(each, ast.Constant)]
        return [text for text in constants if isinstance(text, str) and re.fullmatch(r"[a-z]+(_[a-z]+)+", text)]
    return []


def _whys(node: ast.AST, tree: ast.Module) -> list[str]:
    dicts = [each for each in ast.walk(node) if isinstance(each, ast.Dict)]
    values = [value for each in dicts for key, value in zip(each.keys, each.values, strict=True) if _texts(key, tree) == ["why"]]
    return [text for value in values for text in _texts(value, tree)]


@pytest.fixture(scope="module")
def keys() -> set[str]:
    table = TEXTS.read_text().partition("noticeTexts: ")[2]
    return set(re.findall(r'^  "?([a-z_]+(?:\.[a-z_]+)?)"?: ', table, re.MULTILINE))


def test_each_notice_has_a_text_in_chinese(keys: set[str]) -> None:
    wanted = {f"{code}.{why}" for code, wordings in WORDINGS.items() for why in wordings.texts}
    for path, tree, call, name in _calls():
        if name in ("UnsupportedOption", "_notice"):
            wanted.add(f"not_applied.{_texts(call.args[1], tree)[0]}")
        elif name in ("notice", "Notice"):
            code = call.args[0] if call.args else next((each.value for each in call.keywords if each.arg == "code"), None)
            for text in _texts(code, tree):
                whys = _whys(call, tree)
                assert text != "not_applied" or "'why'" in ast.unparse(call), f"{path}:{call.lineno}: its details must say why"
                wanted |= {f"{text}.{why}" for why in whys} if whys or text == "not_applied" else {text}
    missing = sorted(wanted - keys)
    assert not missing, f"{TEXTS} has no text for {missing}"
    codes = {key.partition(".")[0] for key in wanted}
    assert not [key for key in keys if key.partition(".")[0] not in codes], "texts of notices that nobody sends"
