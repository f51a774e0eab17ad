"""The client for asyncio programs."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from darkroom.account_calls import AccountPart
from darkroom.backoff import Backoff
from darkroom.batches import Batches
from darkroom.calls import Calls
from darkroom.connection import Server
from darkroom.installation import Branding, Bundles
from darkroom.keys import Keys
from darkroom.library import Library
from darkroom.operation_methods import OperationMethods
from darkroom.people import Roles, Sessions, Settings, Teams, UserKeys, Users
from darkroom.picture_keys import PictureKeys
from darkroom.pipelines import Pipelines
from darkroom.transfer import Transfers
from darkroom.webhooks import Webhooks


class AsyncClient(OperationMethods, AccountPart):
    """A client for one account on a Darkroom server. Use it as an async context manager; any number of asyncio tasks may share it.

    Every method raises a subclass of `ApiError` if the server refuses the call, and `ConnectionFailed` if the server cannot be reached.
    Calls that fail on the way are retried first, with growing pauses and never sooner than the server asks. Calls that create something
    carry an idempotency key, so a retry never creates it twice.
    """

    def __init__(
        self, url: str | None = None, api_key: str | None = None, *, server: Server | None = None, backoff: Backoff | None = None
    ) -> None:
        """Without arguments, finds the server as `Server.find` describes. `server` is one that has been found already."""
        self.server = server or Server.find(url, api_key)
        backoff = backoff or Backoff()
        calls = Calls(self.server, backoff)
        transfers = Transfers(backoff)
        super().__init__(calls, transfers)
        self.webhooks = Webhooks(calls.channel, calls.call)
        self.keys = Keys(calls.channel, calls.call)
        self.picture_keys = PictureKeys(calls.channel, calls.call)
        self.batches = Batches(calls.channel, calls.call)
        self.library = Library(calls.channel, calls.call, transfers)
        self.sessions = Sessions(calls.channel, calls.call, self.server.api_key)
        self.users = Users(calls.channel, calls.call)
        self.roles = Roles(calls.channel, calls.call)
        self.teams = Teams(calls.channel, calls.call)
        self.user_keys = UserKeys(calls.channel, calls.call)
        self.settings = Settings(calls.channel, calls.call)
        self.branding = Branding(calls.channel, calls.call)
        self.bundles = Bundles(calls.channel, calls.call)
        self.pipelines = Pipelines(calls.channel, calls.call, self, self.batches)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._transfers.close()
        await self._calls.channel.close()
