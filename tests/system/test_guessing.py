"""Guessing through the public port, on a stack with the limits that an operator gets."""

from __future__ import annotations

import asyncio
from collections import Counter

import httpx
import pytest

from services.accounts.domain.keys import make_key
from tests.stacks import StackUnderTest
from tests.system.snapotter import PASSWORD, SnapOtter

pytestmark = pytest.mark.alone
PATH = "/v1/tasks/1/status"
# One for each test: all of the network is this machine.
GUESSER, OFFICE = "127.0.0.66", "127.0.0.67"


def browser(stack: StackUnderTest, address: str) -> httpx.AsyncClient:
    """A client at an address."""
    return httpx.AsyncClient(base_url=stack.url, transport=httpx.AsyncHTTPTransport(local_address=address), timeout=60)


def statuses(replies: list[httpx.Response]) -> Counter[int]:
    return Counter(reply.status_code for reply in replies)


async def test_200_wrong_keys_are_refused_and_the_right_key_passes(stack: StackUnderTest) -> None:
    async with browser(stack, GUESSER) as guesser:

        async def get(key: str, path: str = PATH) -> httpx.Response:
            return await guesser.get(path, headers={"authorization": f"Bearer {key}"})

        replies = await asyncio.gather(*(get(make_key().secret if number % 2 else f"guess-{number}") for number in range(200)))
        assert statuses(replies).keys() == {401, 429}
        refused = next(reply for reply in replies if reply.status_code == 429)
        assert (refused.json()["code"], refused.json()["data"]["error_code"]) == (42901, "rate_limited")
        assert int(refused.headers["retry-after"]) > 0
        # The key of a new account, which this replica does not know.
        key = stack.create_account().api_key
        assert [(await get(key)).status_code for _ in range(2)] == [404, 404]
        for path in ("/fal-ai/x", "/v1/image/edit", "/v1/jobs/1", "/api/v1/settings"):
            replies = await asyncio.gather(*(get("guess", path) for _ in range(9)))
            refused = next(reply for reply in replies if reply.status_code == 429)
            assert "Too many wrong keys from this address" in refused.text, path


async def test_wrong_passwords_and_links_are_refused_and_right_ones_pass(stack: StackUnderTest, admin: SnapOtter) -> None:
    user, _ = await admin.person()
    password = {"user_name": user["username"], "password": PASSWORD}
    async with browser(stack, OFFICE) as office:

        async def sign_in(**body: str) -> httpx.Response:
            return await office.post("/v1/sessions", json=body)

        assert (await sign_in(**password)).status_code == 200
        replies = [await sign_in(user_name=f"{user['username']}-{number}", password="Wr0ng-password") for number in range(60)]
        assert statuses(replies).keys() == {401, 429}
        assert (await sign_in(**password)).status_code == 200, "who has signed in there before is not kept out"
        replies = await asyncio.gather(*(sign_in(sign_in_token=f"guess-{number}") for number in range(100)))
        assert statuses(replies).keys() == {401, 429}
        link = (await admin.call("POST", f"/v1/users/{user['id']}/sign-in-link", {})).json()["data"]
        assert (await sign_in(sign_in_token=link["token"])).status_code == 200
