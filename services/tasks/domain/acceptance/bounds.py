"""The bounds of any request: how much, until when, and only operations that somebody offers."""

from __future__ import annotations

from datetime import datetime

from services.pictures.offers import Offers
from services.pictures.operations import Need, needs_of
from services.platform.errors import DarkroomError, ErrorReason
from services.tasks.domain.acceptance.draft import Draft
from services.tasks.domain.acceptance.requests import MOST_KEPT_BYTES, Request
from services.tasks.domain.order.workforce import Workforce
from services.tasks.domain.plan import check_pipeline

_MAX_FILES = 5_000
"""For a whole request; the limit of PinTasks."""
_MOST_KEPT_TOGETHER = 4 * 1024 * 1024
"""Bytes that are kept of a batch's request, in all its tasks together."""


class Operations:
    """The operations of requests."""

    def __init__(self, offers: Offers, workforce: Workforce, *, diagnostics: bool) -> None:
        self._offers, self._workforce, self._diagnostics = offers, workforce, diagnostics

    async def check(self, draft: Draft) -> None:
        """Refuse invalid pipelines, operations that no worker offers, and that no machine which is away will; each operation is looked up
        once. The first bad item is reported first, whichever it is."""
        for index, item in draft.remaining_items():
            with draft.refusing(index):
                if not item.operations:
                    message = "operations: required here or in the batch."
                    raise DarkroomError(ErrorReason.FIELD_INVALID, message, field="operations")
                check_pipeline(item.operations, item.inputs, diagnostics=self._diagnostics)
        known: dict[str, DarkroomError | None] = {}
        for index, item in draft.remaining_items():
            needs = ((position, *each) for position, operation in enumerate(item.operations) for each in needs_of(operation).items())
            for position, name, need in needs:
                if name not in known:
                    known[name] = await self._unavailable(name, need)
                if (error := known[name]) is not None:
                    draft.refuse(index, error.at(f"operations[{position}]") if draft.request.is_batch else error)
                    break
        draft.settle()

    async def _unavailable(self, name: str, need: Need) -> DarkroomError | None:
        try:
            await self._offers.require(name, need)
        except DarkroomError as error:
            if error.reason is not ErrorReason.OPERATION_UNAVAILABLE:
                raise
            return None if await self._workforce.expects(name) else error
        return None


def check_deadline(request: Request, now: datetime) -> None:
    """Refuse a deadline that has passed."""
    if request.deadline is not None and request.deadline <= now:
        raise DarkroomError(ErrorReason.FIELD_INVALID, "deadline: must be in the future.", field="deadline")


def check_size(draft: Draft) -> None:
    """Bound the files of a request."""
    # Each item needs its own pins of the files that the batch's operations name.
    files = sum(len(item.files) + len(item.input_urls) + len(item.later_urls) for item in draft.items)
    if files > _MAX_FILES:
        raise DarkroomError(
            ErrorReason.TOO_MANY_FILES,
            f"items: they name {files} files; a batch may name {_MAX_FILES}.",
            field="items",
            allowed=(f"at most {_MAX_FILES} files",),
        )


def check_kept(draft: Draft) -> None:
    """Bound what is stored with the tasks of a request, and read again with each of them."""
    largest = max((len(item.client_request) for item in draft.items), default=0)
    if largest > MOST_KEPT_BYTES:
        message = f"The request has {largest} bytes that are kept with its task; at most {MOST_KEPT_BYTES} are allowed."
        raise DarkroomError(ErrorReason.BODY_TOO_LARGE, message)
    together = sum(len(item.client_request) for item in draft.items)
    if together > _MOST_KEPT_TOGETHER:
        message = f"The request has {together} bytes that are kept with its tasks; at most {_MOST_KEPT_TOGETHER} are allowed."
        raise DarkroomError(ErrorReason.BODY_TOO_LARGE, message)
