"""`darkroom webhook …`."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from datetime import UTC
from enum import StrEnum
from typing import Annotated

import typer
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from rich.table import Table

from darkroom.cli.completion import complete_deliveries, complete_webhooks
from darkroom.cli.exits import errors, run
from darkroom.cli.options import ID_WIDTH, NARROW, AsJson, Limit, connect, console, plain, print_json
from darkroom.cli.webhook_listener import Delivery, listening
from darkroom.tasks.v1 import webhook_pb2

app = typer.Typer(help="Manage webhooks: URLs that are notified when tasks end.", no_args_is_help=True)

WebhookId = Annotated[int, typer.Argument(metavar="WEBHOOK", help="Webhook id.", min=1, autocompletion=complete_webhooks)]

_NAMES = webhook_pb2.WebhookDeliveryState
# Terminal widths from which the log shows more columns, and all of them.
_WIDE, _WIDEST = 100, 130


class State(StrEnum):
    """States to filter by."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class Event(StrEnum):
    """Event types to receive."""

    SUCCEEDED = "task.succeeded"
    FAILED = "task.failed"
    CANCELLED = "task.cancelled"
    COMPLETED = "batch.completed"


Events = Annotated[
    list[Event] | None,
    typer.Option("--event", metavar="TYPE", help=f"Only events of this type: {', '.join(Event)}; may be repeated. Default: all."),
]


@app.command("add")
def add(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where to POST events.")], event: Events = None, as_json: AsJson = False
) -> None:
    """Add a webhook and print its id and its secret, which is not shown again."""

    async def work() -> None:
        async with connect() as client:
            webhook, secret = await client.webhooks.create(url, event or ())
        if as_json:
            print(json.dumps({"webhook": plain(webhook), "secret": secret}, ensure_ascii=False))
            return
        table = Table.grid(padding=(0, 2))
        table.add_row("webhook", str(webhook.id))
        table.add_row("url", webhook.url)
        table.add_row("events", _events(webhook))
        table.add_row("secret", secret)
        console.print(table)

    run(work(), as_json=as_json)


@app.command("ls")
def list_webhooks(as_json: AsJson = False) -> None:
    """List webhooks, oldest first."""

    async def work() -> None:
        async with connect() as client:
            webhooks = await client.webhooks.list()
        if as_json:
            for webhook in webhooks:
                print_json(webhook)
            return
        names = ["webhook", "url", "state"] if console.width < NARROW else ["webhook", "url", "state", "events", "created"]
        table = Table(*names, box=None, header_style="bold", pad_edge=False)
        table.columns[0].min_width = ID_WIDTH
        # A URL is never truncated; in a narrow terminal it is wrapped.
        table.columns[1].overflow, table.columns[1].ratio = "fold", 1
        for webhook in webhooks:
            state = "disabled (410)" if webhook.HasField("disable_time") else "active"
            cells = (str(webhook.id), webhook.url, state, _events(webhook), _when(webhook.create_time))
            table.add_row(*cells[: len(names)])
        console.print(table)

    run(work(), as_json=as_json)


@app.command("events")
def events(webhook: WebhookId, event: Events = None, as_json: AsJson = False) -> None:
    """Set which events a webhook receives from now on."""

    async def work() -> None:
        async with connect() as client:
            changed = await client.webhooks.set_events(webhook, event or ())
        _print(f"webhook {changed.id} receives: {_events(changed)}", changed, as_json=as_json)

    run(work(), as_json=as_json)


@app.command("enable")
def enable(webhook: WebhookId, as_json: AsJson = False) -> None:
    """Re-enable a webhook that was disabled because it answered 410 Gone."""

    async def work() -> None:
        async with connect() as client:
            changed = await client.webhooks.enable(webhook)
        _print(f"webhook {changed.id} is active: {changed.url}", changed, as_json=as_json)

    run(work(), as_json=as_json)


@app.command("rm")
def remove(webhook: WebhookId) -> None:
    """Remove a webhook."""

    async def work() -> None:
        async with connect() as client:
            await client.webhooks.delete(webhook)

    run(work())


@app.command("rotate")
def rotate(
    webhook: Annotated[
        int,
        typer.Argument(
            metavar="[WEBHOOK]", min=0, help="Webhook id. Default: the account's default secret, used for webhook URLs of tasks."
        ),
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Create a new secret and print it. For 24 hours deliveries are signed with both."""

    async def work() -> None:
        async with connect() as client:
            _print_secret(await client.webhooks.rotate_secret(webhook), as_json=as_json)

    run(work(), as_json=as_json)


@app.command("secret")
def secret(as_json: AsJson = False) -> None:
    """Print the account's default secret, which signs deliveries to webhook URLs of tasks."""

    async def work() -> None:
        async with connect() as client:
            _print_secret(await client.webhooks.default_secret(), as_json=as_json)

    run(work(), as_json=as_json)


@app.command("deliveries")
def deliveries(
    limit: Limit = 20,
    webhook: Annotated[int, typer.Option(help="Only deliveries to this webhook.", min=0)] = 0,
    task: Annotated[int, typer.Option(help="Only deliveries about this task.", min=0)] = 0,
    state: Annotated[list[State] | None, typer.Option(help="Only deliveries in this state; may be repeated.")] = None,
    as_json: AsJson = False,
) -> None:
    """List deliveries, newest first."""

    async def work() -> None:
        async with connect() as client:
            wanted = [_NAMES.Value(f"WEBHOOK_DELIVERY_STATE_{item.name}") for item in state or ()]
            found = await client.webhooks.deliveries(limit, webhook_id=webhook, task_id=task, states=wanted)
        if as_json:
            for delivery in found:
                print_json(delivery)
            return
        names = ["delivery", "event", "state", "what"]
        names += ["attempts", "when"] if console.width >= _WIDE else []
        names += ["task", "url"] if console.width >= _WIDEST else []
        table = Table(*names, box=None, header_style="bold", pad_edge=False)
        for column in table.columns:
            if column.header in ("delivery", "task"):
                column.min_width = ID_WIDTH
        for delivery in found:
            cells = (
                str(delivery.id),
                delivery.event_type,
                _state_name(delivery.state),
                _what(delivery),
                str(delivery.attempts),
                _when(delivery.create_time),
                str(delivery.task_id or ""),
                delivery.url,
            )
            table.add_row(*cells[: len(names)])
        console.print(table)

    run(work(), as_json=as_json)


@app.command("replay")
def replay(
    delivery: Annotated[int, typer.Argument(metavar="DELIVERY", help="Delivery id.", min=1, autocompletion=complete_deliveries)],
    as_json: AsJson = False,
) -> None:
    """Send a delivery again immediately, with the same id."""

    async def work() -> None:
        async with connect() as client:
            sent = await client.webhooks.replay(delivery)
        _print(f"delivery {sent.id} is being sent again to {sent.url}", sent, as_json=as_json)

    run(work(), as_json=as_json)


@app.command("test")
def test(webhook: WebhookId, as_json: AsJson = False) -> None:
    """Send a test event. See the result with `darkroom webhook deliveries`."""

    async def work() -> None:
        async with connect() as client:
            sent = await client.webhooks.test(webhook)
        _print(f"delivery {sent.id} is being sent to {sent.url}", sent, as_json=as_json)

    run(work(), as_json=as_json)


@app.command("listen")
def listen(
    event: Events = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of this machine to listen on; 0 picks a free one.")] = 9000,
    forward: Annotated[
        str | None, typer.Option(metavar="URL", help="Send each signed delivery on to this URL, and answer as it does.")
    ] = None,
    secret: Annotated[
        list[str] | None,
        typer.Option("--secret", metavar="SECRET", help="A further secret that deliveries may be signed with; may be repeated."),
    ] = None,
    add: Annotated[
        bool, typer.Option("--add/--no-add", help="Add a webhook that leads here, and remove it at the end; or only listen.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Receive deliveries on this machine until Ctrl-C, verify their signatures, and print them.

    The server has to run on this machine, and accept URLs that lead to it (DARKROOM_WEBHOOK_ALLOW_LOOPBACK), as a stack does that only
    this machine reaches.
    """

    def report(delivery: Delivery) -> None:
        if as_json:
            print(json.dumps(asdict(delivery), ensure_ascii=False), flush=True)
        else:
            console.print(_received(delivery), soft_wrap=True, markup=False)

    async def work() -> None:
        async with connect() as client:
            secrets = [*(secret or ()), await client.webhooks.default_secret()]
            with listening(port, secrets, forward, report) as url:
                webhook = None
                if add:
                    webhook, own = await client.webhooks.create(url, event or ())
                    secrets.append(own)
                named = f" as webhook {webhook.id}" if webhook is not None else ""
                errors.print(f"Listening at {url}{named}. Ctrl-C ends it.", soft_wrap=True)
                try:
                    await asyncio.Event().wait()
                finally:
                    if webhook is not None:
                        await client.webhooks.delete(webhook.id)

    run(work(), as_json=as_json)


def _received(delivery: Delivery) -> str:
    if delivery.problem:
        return f"refused: {delivery.problem}"
    about = f"{delivery.event.get('type', '')} {delivery.event.get('data', {}).get('id', '')}".rstrip()
    return f"{about} ({delivery.id})" + (f": {delivery.forwarding}" if delivery.forwarding else "")


def _print(text: str, message: Message, *, as_json: bool) -> None:
    if as_json:
        print_json(message)
    else:
        # Not wrapped, even in a terminal, so that a URL stays clickable.
        console.print(text, soft_wrap=True)


def _print_secret(value: str, *, as_json: bool) -> None:
    print(json.dumps({"secret": value}) if as_json else value)


def _events(webhook: webhook_pb2.Webhook) -> str:
    return ", ".join(webhook.event_types) or "all"


def _what(delivery: webhook_pb2.WebhookDelivery) -> str:
    if delivery.state == webhook_pb2.WEBHOOK_DELIVERY_STATE_PENDING and delivery.error:
        return f"{delivery.error.rstrip('.')}. Next attempt: {_when(delivery.next_attempt_time)}"
    return delivery.error or (str(delivery.response_status) if delivery.response_status else "")


def _state_name(state: webhook_pb2.WebhookDeliveryState.ValueType) -> str:
    return _NAMES.Name(state).removeprefix("WEBHOOK_DELIVERY_STATE_").lower()


def _when(time: Timestamp) -> str:
    return time.ToDatetime(tzinfo=UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
