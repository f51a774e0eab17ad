"""What a run of chaos needs beside the stack: accounts, a receiver that is unreliable itself, and proxies."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from darkroom import AsyncClient
from darkroom.internal.tasks.v1 import events_pb2
from services.gateway.surfaces.snapotter.assembly import JOB_IDS
from services.gateway.surfaces.snapotter.jobs.ids import JobIds
from services.platform.bus import EVENTS_STREAM, Bus, events_subject
from services.platform.clock import system_clock
from services.platform.database import engine
from services.platform.identity import Signer
from tests.component.tasks.books import Books
from tests.component.tasks.receiver import Receiver
from tests.faults.chaos.load import Tenant
from tests.faults.chaos.proxies import Proxy, proxy_to
from tests.faults.chaos.verdict import Wrong
from tests.stacks import Installed, StackUnderTest

_CREDITS = 2_000


def unreliable_receiver(seed: int, host: str = "127.0.0.1") -> Receiver:
    """Fails every fifth time or so. It listens at an address of this machine."""
    answers = random.Random(seed).choices((200, 500, 429, 503), (12, 1, 1, 1), k=50_000)
    return Receiver(*answers, host=host)


async def tenants(stack: Installed, count: int, webhook: str) -> list[Tenant]:
    """Accounts with one webhook each; every second one must pay for its tasks."""
    made = []
    for number in range(count):
        account = await asyncio.to_thread(stack.create_account, f"chaos {number}")
        if number % 2:
            await asyncio.to_thread(stack.admin, "tasks", "set-terms", "--account", account.id, "--credits", "enforced")
            await asyncio.to_thread(stack.admin, "tasks", "grant", "--account", account.id, "--credits", str(_CREDITS))
        async with AsyncClient(stack.url, account.api_key) as client:
            await client.webhooks.create(webhook)
        made.append(Tenant(int(account.id), account.api_key))
    return made


async def person(stack: StackUnderTest, webhook: str) -> Tenant:
    """Somebody who has signed in, in the account that was created first, with a webhook of the account."""
    session = await asyncio.to_thread(stack.create_session, "chaos")
    async with AsyncClient(stack.url, stack.api_key) as client:
        await client.webhooks.create(webhook)
    [row] = await asyncio.to_thread(stack.fetch, "accounts", "SELECT min(id) AS id FROM account")
    secret = Signer("gateway", Path(stack.settings("gateway")["DARKROOM_SIGNING_KEY_FILE"])).derived_secret(JOB_IDS)
    return Tenant(row["id"], session, JobIds(secret))


@contextmanager
def proxies(stack: StackUnderTest, *, everywhere: bool) -> Iterator[dict[str, Proxy]]:
    """A proxy before the edge; `everywhere`: the services use others to reach NATS, storage and Triton, for which they are started anew,
    before and after."""
    with ExitStack() as opened:
        made = {"the edge": opened.enter_context(proxy_to(urlsplit(stack.url).port or 0))}
        if everywhere:
            settings = {}
            for name, setting, url in (
                ("NATS", "DARKROOM_NATS_URL", stack.nats_url),
                ("storage", "DARKROOM_S3_ENDPOINT", stack.stack.config.s3_endpoint),
            ):
                parts = urlsplit(url)
                made[name] = opened.enter_context(proxy_to(parts.port or 0))
                behind = parts._replace(netloc=parts.netloc.replace(f":{parts.port}", f":{made[name].port}"))
                settings[setting] = urlunsplit(behind)
            made["Triton"] = opened.enter_context(proxy_to(stack.triton_address.removeprefix("unix:")))
            settings["DARKROOM_TRITON_ADDRESS"] = f"127.0.0.1:{made['Triton'].port}"
            before = stack.configured
            stack.configure({**before, **settings})
            opened.callback(stack.up)
            opened.callback(stack.configure, before)
            stack.up()
        yield made


async def check_books(stack: Installed, accounts: Sequence[int]) -> list[Wrong]:
    """Each account's ledger sums up to its balance, and to what became of its tasks."""
    wrong = []
    async with engine(stack.database_url("tasks"), 2) as database:
        books = Books(database, system_clock)
        for account_id in accounts:
            try:
                await books.assert_right(account_id)
            except AssertionError as error:
                wrong.append(Wrong(f"the books of account {account_id} are wrong: {error}"))
    return wrong


async def published(bus: Bus, accounts: Sequence[int]) -> Mapping[int, Mapping[int, int]]:
    """Number and state of all events of the accounts' tasks that EVENTS holds."""
    found: dict[int, dict[int, int]] = defaultdict(dict)
    for account_id in accounts:
        subject = events_subject(account_id)
        config = ConsumerConfig(deliver_policy=DeliverPolicy.ALL, ack_policy=AckPolicy.ALL, inactive_threshold=60)
        subscription = await bus.jetstream.pull_subscribe(subject, stream=EVENTS_STREAM, config=config)
        while waiting := (await subscription.consumer_info()).num_pending:
            try:
                messages = await subscription.fetch(min(waiting, 500), timeout=10)
            except TimeoutError:
                # What the consumer still counts then, the stream does not have; the verdict names what is missing.
                print(f"{waiting} messages of account {account_id} were announced and did not come", flush=True)
                break
            # Without that no more than the server's default of 1000 would come.
            await messages[-1].ack()
            for message in messages:
                for one in events_pb2.PublishedEvents.FromString(message.data).events:
                    found[one.event.task_id][one.event.sequence] = one.event.state
        await subscription.unsubscribe()
    return found
