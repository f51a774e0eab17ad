"""`python -m reference`: write docs/reference, and the tables in docs/operations.

`python -m reference openapi FOLDER` writes only the OpenAPI documents, to FOLDER. The console's build and `python -m reference.breaking`,
which runs it in the code of an earlier version, call it: the command and the names of the files stay.

With `--check`, write nothing, and fail if a committed page or a guide in docs/ does not match the protos.
"""

from __future__ import annotations

import sys
from pathlib import Path

from reference import completeness, guides, markdown, openapi, operation_pages, pilio
from reference.comments import Comments

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"
GENERATED = FOLDER / "generated"
"""Not committed: the pages and documents that are long and change with every proto."""


def committed_pages() -> dict[str, str]:
    """File name in docs/reference → content."""
    from reference import cli  # The documents are written without the command line, which takes a second to import.

    return {"errors.md": markdown.errors(Comments()), "cli.md": cli.render()}


def documents() -> dict[str, str]:
    """File name → content of each OpenAPI document."""
    return {openapi.file_name(surface): openapi.render(surface) for surface in openapi.surfaces()} | {pilio.FILE_NAME: pilio.render()}


def generated_pages() -> dict[str, str]:
    """File name in docs/reference/generated → content."""
    pages = {markdown.page_name(surface): markdown.json_api(surface) for surface in openapi.surfaces()}
    return documents() | pages | {"grpc-api.md": markdown.grpc_api(Comments())}


def stale(folder: Path = FOLDER) -> list[str]:
    """The problems of the committed pages, one line each."""
    wanted = committed_pages()
    found = {path.name: path.read_text() for path in folder.glob("*") if path.is_file() and path.name != "README.md"}
    problems = [
        f"docs/reference/{name} is not what the protos say: run `make reference`" for name in wanted if found.get(name) != wanted[name]
    ]
    return problems + [f"docs/reference/{name} is not generated: remove it" for name in sorted(found.keys() - wanted.keys())]


def main() -> int:
    """The command line; the exit status."""
    match sys.argv[1:]:
        case ["--check"]:
            problems = completeness.problems() + stale() + operation_pages.problems() + guides.problems()
            for problem in problems:
                print(problem, file=sys.stderr)
            return 1 if problems else 0
        case ["openapi", folder]:
            _write(Path(folder), documents())
        case _:
            _write(FOLDER, committed_pages())
            _write(GENERATED, generated_pages())
            for path, text in operation_pages.pages().items():
                path.write_text(text)
    return 0


def _write(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(content)


if __name__ == "__main__":
    sys.exit(main())
