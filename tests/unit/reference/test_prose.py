"""The check of prose: what it reads of each kind of file, and what it reports."""

from __future__ import annotations

from pathlib import Path

import pytest

from reference.prose.texts import texts
from reference.prose.tics import matches, sentences


@pytest.mark.parametrize(
    ("text", "tics"),
    [
        ("The worker is told the size.", ["told"]),
        ("The log tells of it.", ["tells"]),
        ("It leaves the picture as it is.", ["as it is"]),
        ("It runs as soon as it is ready, and is scaled as it is read.", []),
        ("The setting stands beside the code.", ["beside"]),
        ("Besides, it is fast.", []),
        ("Everything but for the key.", ["but for"]),
        ("None of them failed.", ["none of"]),
        ("It starts anew.", ["anew"]),
        ("Mend the steps, as we recommend.", ["mend"]),
        ("There is no such date as X.", ["no such … as"]),
        ("It runs. What fails is retried.", ["relative opener"]),
        ("What fails? Nothing does.", []),
        ("Of course it runs.", []),
        ("Whoever has the key may read.", ["relative opener"]),
    ],
)
def test_tics(text: str, tics: list[str]) -> None:
    assert [tic.name for tic, _, _ in matches(text)] == tics


def test_sentences_have_their_offsets() -> None:
    text = 'It ran. "It ended."\n(What then?)'
    assert [(offset, text[offset:][: len(sentence)]) for offset, sentence in sentences(text)] == [
        (0, "It ran."),
        (9, "It ended."),
        (21, "What then?)"),
    ]


@pytest.mark.parametrize(
    ("name", "source", "passages"),
    [
        (
            "page.md",
            "# A\n\nOne `told`\nline.\n```\nsh anew\n```\n- an [item](b.md)\n\n| a | cell |\n<!-- options of x -->a<!-- end of options -->",
            [(3, "One ·\nline.\n·"), (8, "an [item]·"), (10, "a"), (10, "cell")],
        ),
        (
            "code.py",
            '"""A module that runs."""\n\n# A comment that\n# goes on.\nx = "short"\nraise E(f"The size {x} is wrong.")\n',
            [(1, "A module that runs."), (3, "A comment that\n goes on."), (6, "The size · is wrong.")],
        ),
        (
            "a.proto",
            '// The size of\n// a file.\nstring size = 1 [(x) = "not read at all"];\n',
            [(1, "The size of\n a file.")],
        ),
        (
            "a.tsx",
            '// A comment with words.\nconst a = t("The task was cancelled.");\nreturn <p className="x">All the tasks ran.</p>;\n',
            [(1, "A comment with words."), (2, "The task was cancelled."), (3, "All the tasks ran.")],
        ),
    ],
)
def test_what_is_read(name: str, source: str, passages: list[tuple[int, str]], tmp_path: Path) -> None:
    (tmp_path / name).write_text(source)
    assert sorted((text.line, text.text.strip()) for text in texts(tmp_path / name)) == passages
