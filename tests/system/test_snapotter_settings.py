"""What is set for everybody (section 3 of SnapOtter's contract), through the public port."""

from __future__ import annotations

import asyncio
import secrets
import uuid
from urllib.parse import quote

import grpc
import pytest

from darkroom.accounts.v1 import settings_service_pb2, settings_service_pb2_grpc
from tests.stacks import StackUnderTest
from tests.system.pictures import disc, encoded
from tests.system.snapotter import SnapOtter
from tests.system.test_snapotter_people import MOMENT, refused

PATH = "/api/v1/settings"
TAGS, NO_OBJECT = "Settings keys and values must not contain HTML tags", "Request body must be a JSON object with key-value pairs"
PICTURE = encoded(disc(32, 24), "PNG")


def key() -> str:
    return f"key-{secrets.token_hex(6)}"


async def written(caller: SnapOtter, values: object) -> int:
    """Writes settings; how many the reply tells."""
    reply = await caller.call("PUT", PATH, values)
    assert reply.status_code == 200, reply.text
    body = reply.json()
    assert set(body) == {"ok", "updatedCount"}
    assert body["ok"] is True
    count: int = body["updatedCount"]
    return count


async def read(caller: SnapOtter, name: str) -> str:
    reply = await caller.get(f"{PATH}/{quote(name, safe='')}")
    assert reply.status_code == 200, reply.text
    body = reply.json()
    assert set(body) == {"key", "value", "updatedAt"}
    assert body["key"] == name
    assert MOMENT.fullmatch(body["updatedAt"])
    value: str = body["value"]
    return value


async def everything(caller: SnapOtter) -> dict[str, str]:
    reply = await caller.get(PATH)
    assert reply.status_code == 200, reply.text
    assert set(reply.json()) == {"settings"}
    found: dict[str, str] = reply.json()["settings"]
    return found


async def test_everybody_reads_what_is_there_from_the_beginning(admin: SnapOtter, person: SnapOtter) -> None:
    found = await everything(person)
    assert {"defaultTheme", "defaultLocale"} <= found.keys()
    assert str(uuid.UUID(found["instance_id"], version=4)) == found["instance_id"]
    assert (await everything(admin))["instance_id"] == found["instance_id"]
    assert await read(person, "instance_id") == found["instance_id"]


async def test_who_may_not(visitor: SnapOtter, admin: SnapOtter, person: SnapOtter) -> None:
    _, editor = await admin.person("editor")
    name = key()
    for path in (PATH, f"{PATH}/{name}"):
        refused(await visitor.get(path), 401)
        refused(await visitor.call("PUT", path, {"value": "x"}), 401)
        for caller in (person, editor):
            refused(await caller.call("PUT", path, {"value": "x"}), 403, "FORBIDDEN")
    limited = (await admin.post("/api/v1/api-keys", {"permissions": ["tools:use"]})).json()["key"]
    refused(await admin.of(limited).call("PUT", PATH, {name: "x"}), 403, "FORBIDDEN")
    able = (await admin.post("/api/v1/api-keys", {"permissions": ["settings:write"]})).json()["key"]
    assert await written(admin.of(able), {name: "y"}) == 1
    assert await read(person, name) == "y"


async def test_the_people_s_account_alone_has_them(visitor: SnapOtter, stack: StackUnderTest) -> None:
    stranger = visitor.of(stack.create_account("another").api_key)
    refused(await stranger.get(PATH), 403, "FORBIDDEN")
    refused(await stranger.call("PUT", PATH, {key(): "x"}), 403, "FORBIDDEN")


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("text", "text"),
        ("", ""),
        ("a < b", "a < b"),
        ("'; DROP TABLE setting; --", "'; DROP TABLE setting; --"),
        ("漢字 \U0001f98a", "漢字 \U0001f98a"),
        (None, "null"),
        (True, "true"),
        (7, "7"),
        (2.0, "2"),
        (0.5, "0.5"),
        (["resize", 1], '["resize",1]'),
        ({"a": {"b": None}}, '{"a":{"b":null}}'),
        ("x" * 10_000, "x" * 10_000),
    ],
)
async def test_what_is_no_text_is_kept_as_its_json(admin: SnapOtter, value: object, stored: str) -> None:
    name = key()
    assert await written(admin, {name: value}) == 1
    assert await read(admin, name) == stored
    assert (await everything(admin))[name] == stored


async def test_writing_again_replaces(admin: SnapOtter) -> None:
    one, two = key(), key()
    assert await written(admin, {one: "1", two: "2"}) == 2
    assert await written(admin, {one: "3"}) == 1
    assert (await read(admin, one), await read(admin, two)) == ("3", "2")


async def test_nothing_and_empty_keys_are_fine(admin: SnapOtter) -> None:
    name = key()
    assert await written(admin, {}) == 0
    assert await written(admin, b"") == 0
    assert await written(admin, {"": "x"}) == 0
    assert await written(admin, {"": "x", name: "y"}) == 1
    assert "" not in await everything(admin)


@pytest.mark.parametrize("body", [b"null", b"[]", b'"text"', b"7", b"[[]]"])
async def test_what_is_no_object(admin: SnapOtter, body: bytes) -> None:
    assert refused(await admin.call("PUT", PATH, body), 400, "VALIDATION_ERROR") == NO_OBJECT


@pytest.mark.parametrize("bad", ["<b>x", "x</b>", "<!-- -->", "<?php ?>", "<script>alert(1)</script>", "a <\nb <c\n>"])
async def test_a_tag_refuses_all(admin: SnapOtter, bad: str) -> None:
    name = key()
    for body in ({name: "x", key(): bad}, {name: "x", bad: "y"}, {name: "x", key(): {"a": [bad.replace("\n", " ")]}}):
        assert refused(await admin.call("PUT", PATH, body), 400, "VALIDATION_ERROR") == TAGS
    assert refused(await admin.get(f"{PATH}/{name}"), 404, "NOT_FOUND") == f'Setting "{name}" not found'


@pytest.mark.parametrize("fine", ["<", ">", "<>", "< b>", "a<1>b", "b > a <c", "<" * 1000])
async def test_what_is_no_tag(admin: SnapOtter, fine: str) -> None:
    name = key()
    await written(admin, {name: fine})
    assert await read(admin, name) == fine


@pytest.mark.parametrize("name", ["x" * 10_000, "a/b", "..", "漢字", "__proto__", "a b%", "<"])
async def test_odd_keys(admin: SnapOtter, name: str) -> None:
    assert await written(admin, {name: "x"}) == 1
    assert (await everything(admin))[name] == "x"
    if len(name) < 10_000 and name != "..":
        # The one is too long for a URL, the other names the folder above.
        assert await read(admin, name) == "x"


@pytest.mark.parametrize("name", ["nothing", "x" * 10_000, "a%00b", "%F0%28", "..%2F..", "a%2Fb%0Ac", "%E2%80%AE"])
async def test_a_key_that_does_not_exist(admin: SnapOtter, name: str) -> None:
    reply = await admin.get(f"{PATH}/{name}")
    assert reply.status_code in ((414, 431) if len(name) == 10_000 else (400, 404)), reply.text
    assert reply.json()["error"]


async def test_nul_is_kept_as_another_character(admin: SnapOtter) -> None:
    name = key()
    assert await written(admin, {f"{name}\0": "a\0b"}) == 1
    assert (await everything(admin))[f"{name}\N{REPLACEMENT CHARACTER}"] == "a\N{REPLACEMENT CHARACTER}b"
    assert await written(admin, b'{"%s":"\\ud800"}' % name.encode()) == 1
    assert await read(admin, name) == "?"


@pytest.mark.parametrize("body", [b"{", b'{"a":NaN}', b"\xff", b"[" * 100_000])
async def test_what_is_no_json(admin: SnapOtter, body: bytes) -> None:
    refused(await admin.call("PUT", PATH, body), 400)


async def test_deep_and_infinite_values(admin: SnapOtter) -> None:
    name = key()
    for body in (b'{"%s":%s%s}' % (name.encode(), b"[" * 900, b"]" * 900), b'{"%s":1e999}' % name.encode()):
        reply = await admin.call("PUT", PATH, body)
        assert reply.status_code in (200, 400, 422), reply.text


async def test_the_spelling_of_the_published_reference(admin: SnapOtter) -> None:
    name = key()
    reply = await admin.call("PUT", f"{PATH}/{name}", {"value": ["a"]})
    assert (reply.status_code, reply.json()["ok"]) == (200, True)
    assert await read(admin, name) == '["a"]'
    assert refused(await admin.call("PUT", f"{PATH}/{name}", {"value": "<b>"}), 400, "VALIDATION_ERROR") == TAGS
    bad: list[object] = [{}, [], "text", {"values": 1}]
    for body in bad:
        refused(await admin.call("PUT", f"{PATH}/{name}", body), 400, "VALIDATION_ERROR")
    assert await read(admin, name) == '["a"]'


async def test_there_is_an_end_to_what_is_kept(stack: StackUnderTest, admin: SnapOtter) -> None:
    refused(await admin.call("PUT", PATH, {f"{key()}-{number}": "" for number in range(2001)}), 400, "VALIDATION_ERROR")
    large = [key() for _ in range(3)]
    for name in large[:2]:
        await written(admin, {name: "x" * 700_000})
    assert "at most" in refused(await admin.call("PUT", PATH, {large[2]: "x" * 700_000}), 400, "VALIDATION_ERROR")
    # The native method also removes.
    async with grpc.aio.insecure_channel(stack.url.removeprefix("http://")) as channel:
        native = settings_service_pb2_grpc.SettingsServiceStub(channel)
        await native.UpdateSettings(
            settings_service_pb2.UpdateSettingsRequest(removed=large), metadata=(("authorization", f"Bearer {admin.token}"),)
        )
    assert not (await everything(admin)).keys() & set(large)


async def test_settings_that_are_written_together_stay_together(admin: SnapOtter) -> None:
    one, two = key(), key()
    await asyncio.gather(*(written(admin, {one: str(number), two: str(number)}) for number in range(20)))
    found = await everything(admin)
    assert found[one] == found[two]


async def test_a_running_server_keeps_its_tools(admin: SnapOtter) -> None:
    await written(admin, {"disabledTools": ["resize"]})
    try:
        assert len(await admin.result("resize", PICTURE, {"width": 9})) > 0
    finally:
        await written(admin, {"disabledTools": []})
