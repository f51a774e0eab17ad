"""Clients of the whole system, and inputs that tests share."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from darkroom import AsyncClient
from tests.harness.parts import ensure_up
from tests.stacks import Account, StackUnderTest
from tests.system.pilio import Pilio
from tests.system.snapotter import SnapOtter, new_name

SAMPLES = Path(__file__).resolve().parent.parent.parent / "samples"


@pytest.fixture
async def pilio(stack: StackUnderTest, account: Account) -> AsyncIterator[Pilio]:
    """A `/v1` client with an account of its own."""
    client = Pilio(stack.url, account.api_key)
    yield client
    await client.http.aclose()


@pytest.fixture
async def other_pilio(stack: StackUnderTest) -> AsyncIterator[Pilio]:
    """A `/v1` client of another account."""
    client = Pilio(stack.url, stack.create_account("other").api_key)
    yield client
    await client.http.aclose()


@pytest.fixture
async def native(stack: StackUnderTest, account: Account) -> AsyncIterator[AsyncClient]:
    """The project's own client, over native gRPC, of the same account as `pilio`."""
    async with AsyncClient(stack.url, account.api_key) as client:
        yield client


@pytest.fixture
async def visitor(stack: StackUnderTest) -> AsyncIterator[SnapOtter]:
    """A caller of SnapOtter's API who has not signed in."""
    client = SnapOtter(stack.url)
    yield client
    await client.http.aclose()


@pytest.fixture(scope="session")
def admin_tokens() -> dict[str, str]:
    """By the URL of a stack: the administrator's session there. Signing in costs more processor time than most of what tests do."""
    return {}


@pytest.fixture
async def admin(visitor: SnapOtter, admin_tokens: dict[str, str]) -> SnapOtter:
    """The administrator, signed in."""
    kept = visitor.of(admin_tokens.get(visitor.url, ""))
    if not kept.token or (await kept.get("/api/auth/session")).status_code != 200:
        kept = await visitor.admin()
        admin_tokens[visitor.url] = kept.token
    return kept


@pytest.fixture
async def person(stack: StackUnderTest, admin: SnapOtter) -> SnapOtter:
    """Somebody with the role `user` and an empty library. The administrator is added first: a stack adds one where there is nobody."""
    return admin.of(stack.create_session(new_name()))


@pytest.fixture(scope="session")
def portrait() -> bytes:
    """The sample photo: 512 by 512 pixels, JPEG."""
    return (SAMPLES / "portrait.jpg").read_bytes()


@pytest.fixture(scope="session")
def report() -> bytes:
    """The sample PDF: three pages with a watermark."""
    return (SAMPLES / "report.pdf").read_bytes()


@pytest.fixture
def own_models(stack: StackUnderTest, tiny_models: Path, few_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The stack with a copy of the tiny models, which a test may change."""
    folder = tmp_path_factory.mktemp("models") / "models"
    shutil.copytree(tiny_models, folder)
    stack.use_models(folder)
    ensure_up(stack)
    yield folder
    stack.use_models(few_models)
