"""How many calls that last, such as watched tasks and awaited results, are open at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from prometheus_client import Gauge

from services.platform.errors import DarkroomError, ErrorReason

_OPEN = Gauge("darkroom_streams_open", "Streams and waiting calls of clients that this process holds open.")


class OpenCalls:
    """Counts the open calls of one listener; `OpenCallCounts` adds those at other replicas. 0 stands for no limit."""

    def __init__(self, each: int = 0, total: int = 0) -> None:
        self._each, self._total = each, total
        self._of_account: Counter[int] = Counter()
        self._open = 0
        self._elsewhere: Callable[[int], int] = lambda _account_id: 0
        self._changed: Callable[[int], None] = lambda _account_id: None

    def share(self, elsewhere: Callable[[int], int], changed: Callable[[int], None]) -> None:
        """Count what an account has open `elsewhere`, too, and call `changed` with an account that has more or fewer open here."""
        self._elsewhere, self._changed = elsewhere, changed

    @contextmanager
    def one(self, account_id: int, own: int | None = None) -> Iterator[None]:
        """A call of an account, open for as long as the block runs. Raises as `check_room`."""
        self.check_room(account_id, own)
        with self.counted(account_id):
            yield

    def check_room(self, account_id: int, own: int | None = None) -> None:
        """Raise TOO_MANY_STREAMS if an account may open no other call. `own` is the account's own limit, if it has one."""
        each = self._each if own is None else own
        held = self.of(account_id)
        if each and held >= each:
            raise DarkroomError(
                ErrorReason.TOO_MANY_STREAMS,
                f"The account has {held} streams and waiting calls open, and may have {each}. Close one first.",
                metadata={"max_streams": str(each)},
            )
        if self._total and self._open >= self._total:
            raise DarkroomError(ErrorReason.TOO_MANY_STREAMS, "The server has as many streams and waiting calls open as it can hold.")

    @contextmanager
    def counted(self, account_id: int) -> Iterator[None]:
        """The same as `one`, for a call that was found to have room."""
        self._change(account_id, 1)
        try:
            yield
        finally:
            self._change(account_id, -1)

    def of(self, account_id: int) -> int:
        """How many calls the account has open, here and elsewhere."""
        return self._of_account.get(account_id, 0) + self._elsewhere(account_id)

    @property
    def here(self) -> Mapping[int, int]:
        """How many calls each account that has any has open here."""
        return self._of_account

    def _change(self, account_id: int, by: int) -> None:
        self._open += by
        _OPEN.inc(by)
        self._of_account[account_id] += by
        if not self._of_account[account_id]:
            del self._of_account[account_id]
        self._changed(account_id)
