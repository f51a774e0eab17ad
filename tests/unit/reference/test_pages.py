"""The written reference is what the protos say, and the guides name what exists."""

from __future__ import annotations

import re
from os.path import normpath
from pathlib import Path

import pytest

from reference import guides, llms, markdown, operation_pages, operation_paths
from reference.__main__ import FOLDER, committed_pages, generated_pages, stale
from reference.operations import openapi_path
from services.pictures.operations import specs
from services.platform.errors import ErrorReason
from services.platform.rpc import catalogue


def test_reference_is_fresh() -> None:
    assert stale() == []
    assert operation_pages.problems() == []
    assert guides.problems() == []


def test_a_stale_page_and_a_missing_one_are_noticed(tmp_path: Path) -> None:
    block = "# Upscale\n\n<!-- options of upscale: POST /v1/images/upscale -->\nold\n<!-- end of options -->\n\nBy hand.\n"
    (tmp_path / "upscale.md").write_text(block)
    problems = operation_pages.problems(tmp_path)
    assert "docs/operations/upscale.md is not what the protos say: run `make reference`" in problems
    assert "docs/operations has no page with `options of remove_background`" in problems
    assert not any("noop" in problem or "`options of upscale`" in problem for problem in problems)
    [(page, text)] = operation_pages.pages(tmp_path).items()
    moving = "a picture, animation or video"
    assert f"| {moving} | {moving} | 6 credits a file, or 25 frames |" in text
    assert "| `enhance_face` | boolean |" in text
    assert "| `factor` | `uint32`, one of `0`, `2`, `3`, `4`, `8` |" in text
    assert text.endswith("\nBy hand.\n")
    page.write_text(text)
    assert not any("upscale.md" in problem for problem in operation_pages.problems(tmp_path))


def test_operations_are_listed_with_their_pages(tmp_path: Path) -> None:
    (tmp_path / "upscale.md").write_text("<!-- options of upscale -->\n<!-- end of options -->\n")
    (tmp_path / "README.md").write_text("Before.\n\n<!-- operations -->\n<!-- end of operations -->\n\nAfter.\n")
    text = operation_pages.pages(tmp_path)[tmp_path / "README.md"]
    assert re.findall(r"^\| \[.*$", text, re.MULTILINE) == [
        "| [upscale](upscale.md) | Enlarge a picture | a picture, animation or video | a picture, animation or video |"
    ]
    assert text.startswith("Before.\n\n<!-- operations -->\n\n| operation |")
    assert text.endswith("\n\n<!-- end of operations -->\n\nAfter.\n")


def test_pictures_of_pages_are_small() -> None:
    pictures = sorted((FOLDER.parent / "images").glob("*.webp"))
    assert pictures
    assert [picture.name for picture in pictures if picture.stat().st_size >= 150_000] == []
    sheets = sorted((FOLDER.parent / "images" / "snapotter").iterdir())
    assert [sheet.name for sheet in sheets if sheet.suffix != ".webp" or sheet.stat().st_size > 400_000] == []


def test_a_change_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("By hand.")
    for name, content in committed_pages().items():
        (tmp_path / name).write_text(content)
    assert stale(tmp_path) == []
    (tmp_path / "errors.md").write_text("| 404 |")
    (tmp_path / "cli.md").unlink()
    (tmp_path / "old.md").touch()
    assert [problem.partition(" ")[0] for problem in stale(tmp_path)] == [
        "docs/reference/errors.md",
        "docs/reference/cli.md",
        "docs/reference/old.md",
    ]


def test_where_the_rest_of_the_reference_is() -> None:
    named = re.findall(r"`([a-z-]+\.(?:md|json))`", (FOLDER / "README.md").read_text())
    assert sorted(named) == sorted(generated_pages())


def paths_of(route: catalogue.Route) -> list[str]:
    """Its paths in the reference: one for each operation where it names one."""
    if catalogue.has_path_for_each_operation(route.method):
        return [call.path for call in operation_paths.calls_of(route.template.text)]
    return [openapi_path(route.template.text, route.method)]


def test_every_method_and_reason_is_there() -> None:
    pages, errors = generated_pages(), (FOLDER / "errors.md").read_text()
    grpc_api = pages["grpc-api.md"]
    for route in catalogue.routes():
        page = pages[markdown.page_name(route.surface)]
        for path in paths_of(route):
            assert f"### {route.verb} {path}" in page
    for service in catalogue.public_services():
        if not any(map(catalogue.bindings, service.methods)):
            for method in service.methods:
                assert f"### {service.name}.{method.name}\n" in grpc_api
                assert f"### {method.input_type.name}\n" in grpc_api
    for reason in ErrorReason:
        assert f"`{reason.value}`" in errors


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("`POST /v1/images/sharpen`", None),
        ("`GET /v1/tasks/:id/status`, /v1/tasks/7/result, `/v1/files/batch-create`, tasks/v1/task.proto", None),
        ("`POST /v1/images/sharper`", "/v1/images/sharper is not a path of the API"),
        ("`TasksService.CreateTask`", None),
        ("`TasksService.MakeTask`", "TasksService.MakeTask is not a method of the API"),
        ("[there](other.md) [here](guide.md) [web](https://example.com/x#y)", "other.md does not exist"),
        ("# A `part`, of it\n[up](#a-part-of-it) [here](guide.md#a-part-of-it) [down](#part)", "#part is not a heading"),
    ],
)
def test_guides_are_held_to_the_protos(tmp_path: Path, text: str, problem: str | None) -> None:
    (tmp_path / "guide.md").write_text(text)
    assert list(guides._problems(tmp_path / "guide.md")) == ([problem] if problem else [])


def test_no_guide_leads_to_a_page_that_is_not_committed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guides, "_GENERATED", tmp_path / "generated")
    (tmp_path / "generated").mkdir()
    (tmp_path / "generated" / "json-api.md").touch()
    (tmp_path / "guide.md").write_text("[there](generated/json-api.md)")
    [problem] = guides._problems(tmp_path / "guide.md")
    assert problem.startswith("generated/json-api.md is not committed")


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    """The pages for language models."""
    return llms.pages()


def test_the_summary_for_language_models(pages: dict[str, str]) -> None:
    summary = llms.summary()
    assert summary.startswith("# Darkroom\n\n> Media processing")
    assert len(summary.encode()) < 12_000
    # Its native calls come before any other API.
    assert summary.index("`POST /v1/tasks`") < summary.index("SnapOtter")
    linked = set(re.findall(r"\]\((/llms/[^)]+)\)", summary))
    assert {llms.operation_path(name) for name, spec in specs().items() if not spec.diagnostic} < linked < set(pages)


def test_pages_for_language_models(pages: dict[str, str]) -> None:
    full = llms.full()
    for route in catalogue.routes():
        for path in paths_of(route):
            assert f"- `{route.verb} {path}`: " in full
    for guide in llms.guide_files():
        assert f"]({llms.guide_path(guide)})" in pages[llms.GUIDES]
    assert "# Upscale" in pages["/llms/docs/operations/upscale.md"]
    assert "## darkroom.tasks.v1.TasksService" in pages[llms.GRPC]
    assert re.search(r"^\| 404 \|.* 40402 \|.* NOT_FOUND \| `TASK_NOT_FOUND` \|", pages[llms.ERRORS], re.MULTILINE)
    resize = pages["/llms/operations/resize.md"]
    assert '`POST /v1/tasks` with `{"file_ids": ["…"], "operations": [{"resize": {"width": 800}}]}`' in resize
    assert "| `width` |" in resize and "### Fit" in resize


def test_links_of_guides_lead_to_served_pages(pages: dict[str, str]) -> None:
    for path, text in pages.items():
        if not path.startswith("/llms/docs/"):
            continue
        for link in re.findall(r"\]\(([^)#\s]+)", text):
            if "://" not in link and not link.startswith(("/", "mailto:")):
                assert normpath(f"{path.rpartition('/')[0]}/{link}") in pages, (path, link)


def test_without_compatibility_surfaces_no_page_is_about_them() -> None:
    with catalogue.offering(()):
        summary, pages = llms.summary(), llms.pages()
    assert "SnapOtter" not in summary
    assert "/llms/docs/how-to/migrate-from-snapotter.md" not in pages
    assert "compat." not in pages[llms.GRPC]
