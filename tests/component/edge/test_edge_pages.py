"""The console and the documentation at the public port: without a key, with nothing from anywhere else."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx
import pytest

from edge import console, pages
from reference import llms, openapi, pilio
from reference.__main__ import FOLDER
from services.platform.rpc import catalogue
from tests.component.edge.conftest import Edge

CASES = (("here", ""), ("elsewhere", "https://s3.example.com"))


async def test_openapi_is_served_as_it_is_generated(http: httpx.AsyncClient) -> None:
    documents = {"/openapi.json": openapi.render(catalogue.surface("rest")), "/developers/pilio-openapi.json": pilio.render()}
    for path, text in documents.items():
        reply = await http.get(path)
        assert (reply.status_code, reply.headers["content-type"]) == (200, "application/json")
        assert reply.json() == json.loads(text)
    # A document may be read from a page of anybody's: it holds no secret.
    assert reply.headers["access-control-allow-origin"] == "*"


async def test_the_reference_is_where_its_page_says(http: httpx.AsyncClient) -> None:
    addresses = set(re.findall(r"`(/[a-z][\w/.-]*)`", (FOLDER / "README.md").read_text()))
    assert {"/docs", "/openapi.json", "/llms.txt", "/api/docs/"} < addresses
    assert [path for path in sorted(addresses) if (await http.get(path)).status_code != 200] == []


async def test_texts_for_language_models(http: httpx.AsyncClient) -> None:
    pages = llms.pages()
    some = {path: pages[path] for path in (llms.CALLS, llms.GRPC, llms.operation_path("resize"), "/llms/docs/README.md")}
    for path, text in {"/llms.txt": llms.summary(), "/llms-full.txt": llms.full(), **some}.items():
        reply = await http.get(path)
        assert (reply.headers["content-type"], reply.text) == ("text/plain; charset=utf-8", text)


async def test_page_loads_nothing_from_elsewhere(http: httpx.AsyncClient) -> None:
    page = await http.get("/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = dict(part.strip().split(" ", 1) for part in page.headers["content-security-policy"].split(";"))
    assert (policy["default-src"], policy["script-src"], policy["connect-src"]) == ("'none'", "'self'", "'self'")
    assert policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in page.headers["content-security-policy"]
    # With that policy a script or style in the page itself would not run.
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon\w+=", page.text)
    loaded = re.findall(r'src="([^"]+)"|<link [^>]*href="([^"]+)"', page.text)
    loaded = [script or link for script, link in loaded]
    assert {"docs/swagger-ui-bundle.js", "favicon.ico"} < set(loaded)
    for path in loaded:
        reply = await http.get(f"/{path}")
        assert reply.status_code == 200, path
        assert reply.headers["x-content-type-options"] == "nosniff"
        fetched = pages.SWAGGER_UI / path.removeprefix("docs/")
        if fetched.is_file():
            assert reply.content == fetched.read_bytes()


async def test_the_docs_list_every_document(http: httpx.AsyncClient) -> None:
    listed = set(re.findall(r'<a href="([^"]+)"', (await http.get("/docs")).text))
    documents = {openapi.file_name(surface) for surface in openapi.surfaces()} | {pilio.PATH[1:], "llms.txt"}
    assert documents | {path[1:] for path in llms.pages()} - {llms.GUIDES[1:]} <= listed
    assert [path for path in sorted(listed) if (await http.head(f"/{path}")).status_code != 200] == []


async def test_what_browsers_and_search_engines_look_for(http: httpx.AsyncClient) -> None:
    icon = await http.get("/favicon.ico")
    assert (icon.status_code, icon.headers["content-type"], icon.content[:4]) == (200, "image/x-icon", b"\0\0\1\0")
    assert (await http.get("/robots.txt")).text == "User-agent: *\nDisallow: /\n"


@pytest.mark.parametrize(
    ("accepted", "packed"), [("gzip", True), ("br, gzip;q=0.5", True), ("identity", False), ("gzip;q=0, br", False), (None, False)]
)
async def test_a_large_page_is_compressed_for_those_who_take_it(http: httpx.AsyncClient, accepted: str | None, *, packed: bool) -> None:
    del http.headers["accept-encoding"]
    reply = await http.get("/llms-full.txt", headers={"accept-encoding": accepted} if accepted else {})
    assert (reply.headers.get("content-encoding"), reply.headers["vary"]) == ("gzip" if packed else None, "accept-encoding")
    assert reply.text == llms.full()


async def test_licence_goes_with_the_files(http: httpx.AsyncClient) -> None:
    assert "Apache License" in (await http.get("/docs/LICENSE")).text


@pytest.mark.parametrize("path", ["/docs/", "/docs/?from=a-mail"])
async def test_whoever_opens_the_url_is_led_to_the_page(edge: Edge, http: httpx.AsyncClient, path: str) -> None:
    for reply in (await http.get(path), await http.head(path), await http.get(path, headers={"origin": "https://app.example.com"})):
        assert (reply.status_code, reply.headers["location"], reply.content) == (302, "/docs", b"")
        assert "access-control-allow-origin" not in reply.headers
    for verb in ("POST", "PUT", "DELETE", "OPTIONS"):
        assert (await http.request(verb, path)).status_code == 401
        assert (await http.request(verb, path, headers=edge.headers)).status_code == 404


@pytest.mark.parametrize("path", ["/", "/?from=a-mail"])
async def test_the_console_is_at_the_root_and_loads_nothing_from_elsewhere(edge: Edge, http: httpx.AsyncClient, path: str) -> None:
    page = await http.get(path)
    assert (page.status_code, page.headers["content-type"], page.headers["cache-control"]) == (200, "text/html; charset=utf-8", "no-cache")
    policy = dict(part.strip().split(" ", 1) for part in page.headers["content-security-policy"].split(";"))
    assert (policy["default-src"], policy["script-src"], policy["style-src"], policy["connect-src"]) == (
        "'none'",
        "'self'",
        "'self'",
        "'self'",
    )
    assert (policy["frame-ancestors"], page.headers["referrer-policy"]) == ("'none'", "no-referrer")
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon\w+=", page.text)
    loaded = [path for path in re.findall(r'(?:src|href)="([^"]+)"', page.text) if path != "/docs"]
    assert {path.rpartition(".")[2] for path in loaded} >= {"js", "css"}
    for name in loaded:
        reply = await http.get(name)
        assert reply.status_code == 200, name
        assert reply.content == (console.BUILT / name.removeprefix(console.PREFIX)).read_bytes()
        # Its name changes with its content.
        assert ("immutable" in reply.headers["cache-control"]) == ("/assets/" in name)
    for verb in ("POST", "PUT", "DELETE"):
        assert (await http.request(verb, path)).status_code == 401
    assert (await http.get("/console/nothing.js", headers=edge.headers)).status_code == 404


def test_uploads_to_a_storage_elsewhere_are_allowed_and_named(tmp_path: Path) -> None:
    here, elsewhere = ({page.path: page for page in console.write(tmp_path / name, origin)}["/"] for name, origin in CASES)
    assert 'name="storage-origin" content=""' in here.file.read_text()
    assert 'name="storage-origin" content="https://s3.example.com"' in elsewhere.file.read_text()
    assert "connect-src 'self' https://s3.example.com;" in elsewhere.headers["content-security-policy"]


def test_a_console_that_has_not_been_built_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="make setup"):
        list(console.write(tmp_path / "out", built=tmp_path))


@pytest.mark.parametrize("path", ["/openapi.json", "/docs", "/llms.txt"])
async def test_other_verbs_and_neighbours_need_a_key(edge: Edge, http: httpx.AsyncClient, path: str) -> None:
    assert (await http.head(path)).status_code == 200
    assert (await http.post(path)).status_code == 401
    assert (await http.get(path + "x")).status_code == 401
    assert (await http.get(path + "x", headers=edge.headers)).status_code == 404
