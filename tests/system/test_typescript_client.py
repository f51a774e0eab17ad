"""The TypeScript client: what is packed installs, type-checks and runs in a fresh project, and its README's example as it stands there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from darkroom import AsyncClient
from tests.component.tasks.receiver import Receiver
from tests.stacks import Account, StackUnderTest
from tests.system.documented import small_samples
from tests.system.typescript_project import CLIENT, COMPILER, install, node, pack


@pytest.fixture(scope="module")
async def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return await pack(tmp_path_factory.mktemp("packed"))


@pytest.fixture
async def project(packed: Path, tmp_path: Path) -> Path:
    """A fresh project with the package, and a small photo."""
    await install(packed, tmp_path)
    small_samples(tmp_path / "samples")
    (tmp_path / "samples" / "portrait.jpg").rename(tmp_path / "portrait.jpg")
    return tmp_path


async def signed(native: AsyncClient, project: Path) -> None:
    """What the server sends to a webhook before and after its secret is rotated."""
    async with Receiver() as receiver:
        webhook, secret = await native.webhooks.create(receiver.url)
        await native.webhooks.test(webhook.id)
        await receiver.received(1)
        rotated = await native.webhooks.rotate_secret(webhook.id)
        await native.webhooks.test(webhook.id)
        requests = [{"headers": dict(each.headers), "body": each.body.decode()} for each in await receiver.received(2)]
        await native.webhooks.delete(webhook.id)
    (project / "webhooks.json").write_text(json.dumps({"secrets": [secret, rotated], "requests": requests}))


async def test_the_client(stack: StackUnderTest, account: Account, native: AsyncClient, project: Path) -> None:
    await signed(native, project)
    (project / "client.test.ts").write_text((CLIENT / "tests" / "client.test.ts").read_text())
    await node(str(COMPILER), folder=project)
    server = {"DARKROOM_URL": stack.url, "DARKROOM_API_KEY": account.api_key}
    print(await node("--test", "client.test.ts", folder=project, **server))


async def test_the_readme(stack: StackUnderTest, account: Account, project: Path) -> None:
    first, *others = re.findall(r"```ts\n(.*?)```", (CLIENT / "README.md").read_text(), re.DOTALL)
    for number, program in enumerate((first, *others)):
        (project / f"example-{number}.ts").write_text(program)
    await node(str(COMPILER), folder=project)
    out = await node("example-0.ts", folder=project, DARKROOM_URL=stack.url, DARKROOM_API_KEY=account.api_key)
    paths = re.findall(r"results/\S+\.(?:png|jpg)", out)
    assert len(paths) >= 2, out
    assert all((project / path).stat().st_size > 100 for path in paths)
