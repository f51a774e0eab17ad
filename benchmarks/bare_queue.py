"""A queue that keeps its guarantees by the least statements, as a gRPC server: the program of `benchmarks.bare_tasks`.

python -m benchmarks.bare_queue DATABASE NATS SUBJECT SOCKET WHOLE: prints its port, and serves there and at the socket until its input
ends. Without a SUBJECT it sends no messages, and without WHOLE it keeps neither turns of accounts nor rows of attempts and charges.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from collections.abc import AsyncIterator, Sequence

import asyncpg
import grpc
import nats

from services.platform.batching import Batcher
from services.platform.publishing import Outgoing, Publisher
from services.platform.rpc.local import Handler

CREATE, WORK = "/bare.Queue/Create", "/bare.Queue/Work"
"""Create takes a number of tasks and returns their ids once they are committed. Work sends ids of tasks and takes those that are done."""
TABLES = """
CREATE TABLE policy (account_id bigint PRIMARY KEY, open int NOT NULL, credits bigint NOT NULL);
CREATE TABLE task (id bigserial PRIMARY KEY, account_id bigint NOT NULL, key uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
  state smallint NOT NULL, operations bytea NOT NULL, created timestamptz NOT NULL DEFAULT now(), lease timestamptz, ended timestamptz);
CREATE INDEX ON task (id) WHERE state = 1;
CREATE INDEX ON task (lease) WHERE state = 2;
CREATE TABLE event (task_id bigint NOT NULL, state smallint NOT NULL, time timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (task_id, state));
CREATE TABLE outbox (id bigserial PRIMARY KEY, tasks bigint[] NOT NULL, state smallint NOT NULL);
CREATE TABLE turn (account_id bigint PRIMARY KEY, turn bigint NOT NULL, queued int NOT NULL);
CREATE TABLE attempt (task_id bigint NOT NULL, number int NOT NULL, began timestamptz NOT NULL DEFAULT now(), ended timestamptz,
  PRIMARY KEY (task_id, number));
CREATE TABLE charge (id bigserial PRIMARY KEY, account_id bigint NOT NULL, task_id bigint NOT NULL, settled bool NOT NULL,
  credits bigint NOT NULL, time timestamptz NOT NULL DEFAULT now());
CREATE INDEX ON charge (account_id, id);
CREATE INDEX ON charge (task_id);
INSERT INTO policy VALUES (1, 0, 0);
INSERT INTO turn VALUES (1, 0, 0)
"""
_STATEMENT = """
WITH changed AS ({change} RETURNING id),
  happened AS (INSERT INTO event (task_id, state) SELECT id, {state} FROM changed),
  sent AS (INSERT INTO outbox (tasks, state) SELECT array_agg(id), {state} FROM changed HAVING count(*) > 0){more}
SELECT id FROM changed
"""
_INSERT, _TAKE, _COMPLETE = (
    "INSERT INTO task (account_id, state, operations) SELECT 1, 1, decode(repeat('00', 100), 'hex') FROM generate_series(1, $1)",
    "UPDATE task SET state = 2, lease = now() + interval '1 minute' WHERE id IN "
    "(SELECT id FROM task WHERE state = 1{whose} ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)",
    "UPDATE task SET state = 5, lease = NULL, ended = now() WHERE id = ANY($1::bigint[]) AND state = 2",
)
_COUNTED = ",\n  counted AS (UPDATE policy SET open = open + $1 WHERE account_id = 1)"
_CHARGED = """,
  charged AS (
    UPDATE policy SET open = open - cardinality($1::bigint[]), credits = credits - cardinality($1::bigint[]) WHERE account_id = 1
  )"""
_CHARGES = ",\n  paid AS (INSERT INTO charge (account_id, task_id, settled, credits) SELECT 1, id, {settled}, 1 FROM changed)"
_NEXT = " AND account_id = (SELECT account_id FROM turn WHERE queued > 0 ORDER BY turn LIMIT 1)"
STATEMENTS = (
    _STATEMENT.format(change=_INSERT, state=1, more=_COUNTED),
    _STATEMENT.format(change=_TAKE.format(whose=""), state=2, more=""),
    _STATEMENT.format(change=_COMPLETE, state=5, more=_CHARGED),
)
"""Create so many tasks, take so many, and complete these."""
_TURN_COMES = ",\n  waiting AS (UPDATE turn SET queued = queued + $1 WHERE account_id = 1)"
_BEGUN = """,
  tried AS (INSERT INTO attempt (task_id, number) SELECT id, 1 FROM changed),
  served AS (
    UPDATE turn SET turn = turn + taken, queued = queued - taken FROM (SELECT count(*) AS taken FROM changed) WHERE account_id = 1
  )"""
_TRIED = ",\n  tried AS (UPDATE attempt SET ended = now() WHERE task_id = ANY($1::bigint[]) AND number = 1)"
_RESERVED, _SETTLED = _CHARGES.format(settled="false"), _CHARGES.format(settled="true")
_WHOLE = (
    _STATEMENT.format(change=_INSERT, state=1, more=f"{_COUNTED}{_RESERVED}{_TURN_COMES}"),
    _STATEMENT.format(change=_TAKE.format(whose=_NEXT), state=2, more=_BEGUN),
    _STATEMENT.format(change=_COMPLETE, state=5, more=f"{_CHARGED}{_SETTLED}{_TRIED}"),
)
"""The same with the turns of accounts, a row for each attempt, and one each for what is reserved and charged."""
_LARGEST = 100
CHECK, YES = "/envoy.service.auth.v3.Authorization/Check", b"\x0a\x00\x1a\x00"
"""The method by which Envoy asks whether a call may pass, and the answer: status OK and an empty `ok_response`."""


class Queue:
    """Tasks of one account, for one worker. Calls that come while a statement runs share the next one."""

    def __init__(self, pool: asyncpg.Pool, publisher: Publisher | None, subject: str, statements: Sequence[str]) -> None:
        self._pool, self._publisher, self._subject = pool, publisher, subject
        self._insert, self._take, self._complete = statements
        self._numbers = itertools.count()
        self._creations = Batcher(self._create, _LARGEST)
        self._created = asyncio.Event()
        self._told: set[asyncio.Task[None]] = set()

    async def create(self, request: bytes, _context: object) -> bytes:
        """The handler of CREATE."""
        return json.dumps(await self._creations(int(request))).encode()

    async def work(self, done: AsyncIterator[bytes], context: grpc.aio.ServicerContext[bytes, bytes]) -> None:
        """The handler of WORK: the first message is the number of tasks that the worker does at a time."""
        free = int(await anext(aiter(done)))
        ended: list[int] = []
        changed = self._created

        async def receive() -> None:
            nonlocal free
            async for message in done:
                ids = json.loads(message)
                free += len(ids)
                ended.extend(ids)
                changed.set()

        receiving = asyncio.create_task(receive())
        try:
            while not receiving.done():
                await changed.wait()
                changed.clear()
                if ended:
                    ids, ended[:] = list(ended), []
                    await self._change(self._complete, ids)
                if free and (taken := await self._change(self._take, free)):
                    free -= len(taken)
                    await context.write(json.dumps(taken).encode())
        finally:
            receiving.cancel()

    async def _create(self, counts: Sequence[int]) -> Sequence[list[int]]:
        ids = await self._change(self._insert, sum(counts))
        self._created.set()
        left = iter(ids)
        return [[next(left) for _ in range(count)] for count in counts]

    async def _change(self, statement: str, argument: object) -> list[int]:
        ids = [row["id"] for row in await self._pool.fetch(statement, argument)]
        if ids and self._publisher is not None:
            telling = asyncio.create_task(self._tell(ids))
            self._told.add(telling)
            telling.add_done_callback(self._told.discard)
        return ids

    async def _tell(self, ids: list[int]) -> None:
        """Publish an event of each task, and wait until all are confirmed."""
        assert self._publisher is not None
        events = [Outgoing(f"{self._subject}.{each}", bytes(300), str(next(self._numbers))) for each in ids]
        assert all(await self._publisher.publish(events))


async def _pass(_request: bytes, _context: object) -> bytes:
    return YES


async def _serve(database: str, nats_url: str, subject: str, socket: str, whole: str) -> None:
    async with asyncpg.create_pool(database, min_size=4, max_size=4) as pool:
        client = await nats.connect(nats_url) if subject else None
        queue = Queue(pool, Publisher(client) if client is not None else None, subject, _WHOLE if whole else STATEMENTS)
        server = grpc.aio.server()
        handlers: dict[str, Handler] = {
            CREATE: grpc.unary_unary_rpc_method_handler(queue.create),
            WORK: grpc.stream_stream_rpc_method_handler(queue.work),
            CHECK: grpc.unary_unary_rpc_method_handler(_pass),
        }
        server.add_generic_rpc_handlers((_Handlers(handlers),))
        server.add_insecure_port(f"unix:{socket}")
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        print(port, flush=True)
        await asyncio.to_thread(sys.stdin.read)
        await server.stop(0)
        if client is not None:
            await client.close()


class _Handlers(grpc.GenericRpcHandler):
    """Handlers of bytes by the path of their method."""

    def __init__(self, handlers: dict[str, Handler]) -> None:
        self._handlers = handlers

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Handler | None:
        """The handler of a call."""
        return self._handlers.get(handler_call_details.method)


if __name__ == "__main__":
    asyncio.run(_serve(*sys.argv[1:6]))
