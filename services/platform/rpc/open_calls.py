"""How many calls that last, such as watched tasks and awaited results, are open at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Gauge

from services.platform.errors import DarkroomError, ErrorReason

_OPEN = Gauge("darkroom_streams_open", "Streams and waiting calls of clients that this process holds open.")


class OpenCalls:
    """Counts the open calls of one listener. 0 stands for no limit."""

    def __init__(self, each: int = 0, total: int = 0) -> None:
        self._each, self._total = each, total
        self._of_account: Counter[int] = Counter()
        self._open = 0

    @contextmanager
    def one(self, account_id: int, own: int | None = None) -> Iterator[None]:
        """A call of an account, open for as long as the block runs. `own` is the account's own limit, if it has one.

        Raises TOO_MANY_STREAMS.
        """
        each = self._each if own is None else own
        held = self.of(account_id)
        if each and held >= each:
            raise DarkroomError(
                ErrorReason.TOO_MANY_STREAMS,
                f"The account has {held} streams and waiting calls open here, and may have {each}. Close one first.",
                metadata={"max_streams": str(each)},
            )
        if self._total and self._open >= self._total:
            raise DarkroomError(ErrorReason.TOO_MANY_STREAMS, "The server has as many streams and waiting calls open as it can hold.")
        self._of_account[account_id] += 1
        self._change(1)
        try:
            yield
        finally:
            self._change(-1)
            self._of_account[account_id] -= 1
            if not self._of_account[account_id]:
                del self._of_account[account_id]

    def of(self, account_id: int) -> int:
        """How many calls the account has open."""
        return self._of_account.get(account_id, 0)

    def _change(self, by: int) -> None:
        self._open += by
        _OPEN.inc(by)
