"""Answers what other services ask about bundles."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import nats.errors
from nats.aio.msg import Msg
from pydantic import ValidationError

from services.inference.bundles.managing import Bundles
from services.platform.bundles import MANAGE_SUBJECT, STATE_SUBJECT, WORKERS, Request, answer, refusal_reply
from services.platform.bus import Bus
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.log import get_logger

_logger = get_logger()


@asynccontextmanager
async def answering(bus: Bus, bundles: Bundles, *, manages: bool) -> AsyncIterator[None]:
    """Answers until the block ends; with `manages` also requests to change something."""
    answers: set[asyncio.Task[None]] = set()

    async def on_message(message: Msg) -> None:
        # A removal takes seconds; others need not wait for it.
        answers.add(task := asyncio.create_task(_answer(bundles, message)))
        task.add_done_callback(answers.discard)

    subjects = [STATE_SUBJECT, *([MANAGE_SUBJECT] if manages else [])]
    subscriptions = [await bus.client.subscribe(subject, queue=WORKERS, cb=on_message) for subject in subjects]
    try:
        yield
    finally:
        for subscription in subscriptions:
            try:
                await subscription.unsubscribe()
            except nats.errors.Error as error:
                _logger.info("not_unsubscribed", error=str(error))
        await asyncio.gather(*answers, return_exceptions=True)
        await bundles.close()


async def _answer(bundles: Bundles, message: Msg) -> None:
    try:
        said = await _answered(bundles, Request.model_validate_json(message.data))
    except DarkroomError as error:
        said = refusal_reply(error)
    except ValidationError:
        said = refusal_reply(DarkroomError(ErrorReason.FIELD_INVALID, "The worker does not know this request."))
    except Exception as error:
        _logger.exception("bundles_unhandled", exc_info=error)
        said = refusal_reply(DarkroomError(ErrorReason.INTERNAL, "Internal error. Quote the request id when you report it."))
    try:
        await message.respond(said)
    except nats.errors.Error as error:
        _logger.warning("bundles_not_answered", error=str(error))


async def _answered(bundles: Bundles, request: Request) -> bytes:
    match request.verb:
        case "list":
            return answer({"bundles": [one.model_dump() for one in await bundles.all()]})
        case "install":
            return answer({"job": await bundles.install(request.bundle)})
        case "remove":
            await bundles.remove(request.bundle)
            return answer({})
        case "usage":
            return answer({"bytes": await asyncio.to_thread(bundles.bytes_used)})
