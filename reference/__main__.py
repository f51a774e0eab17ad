"""`python -m reference`: write docs/reference, and the tables in docs/operations.

With `--check`, write nothing, and fail if the reference or a guide in docs/ does not match the protos.
"""

from __future__ import annotations

import sys
from pathlib import Path

from reference import cli, completeness, guides, markdown, openapi, operation_pages, pilio
from reference.comments import Comments

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"


def pages() -> dict[str, str]:
    """File name in docs/reference → content."""
    comments = Comments()
    return {
        **{openapi.file_name(surface): openapi.rendered(surface) for surface in openapi.surfaces()},
        **{markdown.page_name(surface): markdown.json_api(surface) for surface in openapi.surfaces()},
        "grpc-api.md": markdown.grpc_api(comments),
        "errors.md": markdown.errors(comments),
        pilio.FILE_NAME: pilio.rendered(),
        "cli.md": cli.rendered(),
    }


def stale(folder: Path = FOLDER) -> list[str]:
    """What is wrong with the written reference, one line each."""
    wanted = pages()
    found = {path.name: path.read_text() for path in folder.glob("*") if path.is_file()}
    problems = [
        f"docs/reference/{name} is not what the protos say: run `make reference`" for name in wanted if found.get(name) != wanted[name]
    ]
    return problems + [f"docs/reference/{name} is not generated: remove it" for name in sorted(found.keys() - wanted.keys())]


def main() -> int:
    """The command line; the exit status."""
    if "--check" in sys.argv[1:]:
        problems = completeness.problems() + stale() + operation_pages.problems() + guides.problems()
        for problem in problems:
            print(problem, file=sys.stderr)
        return 1 if problems else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, content in pages().items():
        (FOLDER / name).write_text(content)
    for path, text in operation_pages.pages().items():
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
