"""Replies about jobs: with the files that they delivered, and with what `expand` asks for."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from compat.pi.v1 import job_pb2
from services.tasks.domain.owner.account_tasks import AccountTasks
from services.tasks.files_client import FilesClient
from services.tasks.model import Task
from services.tasks.surfaces.pi import messages

_MOST_EVENTS = 1_000


class Replies:
    """Renders jobs of the calling account."""

    def __init__(self, tasks: AccountTasks, files: FilesClient) -> None:
        self._tasks, self._files = tasks, files

    async def one(
        self, task: Task, *, expand: Collection[str] = (), fields: Collection[str] = (), kind: str = "job"
    ) -> job_pb2.JobEnvelope:
        """A job. Unknown names in `expand` and `fields` add nothing."""
        # Only succeeded tasks have outputs; expired ones are left out.
        downloads = await self._files.sign_downloads(task.account_id, task.output_file_ids)
        expanded = await self._expanded(task, messages.output(downloads).files, expand) if expand else None
        return messages.envelope(task, downloads, expanded=expanded, fields=fields, kind=kind)

    async def many(self, account_id: int, tasks: Sequence[Task]) -> list[job_pb2.Job]:
        wanted = [file_id for task in tasks for file_id in task.output_file_ids]
        downloads = {each.file.id: each for each in await self._files.sign_downloads(account_id, wanted)}
        return [messages.job(task, [downloads[file_id] for file_id in task.output_file_ids if file_id in downloads]) for task in tasks]

    async def _expanded(self, task: Task, outputs: Sequence[job_pb2.JobFile], expand: Collection[str]) -> job_pb2.Expanded:
        expanded = job_pb2.Expanded()
        if "input_files" in expand:
            described = await self._files.describe(task.account_id, task.input_file_ids)
            files = [messages.file(described[file_id]) for file_id in task.input_file_ids if file_id in described]
            expanded.input_files.CopyFrom(messages.files_list(files))
        if "output_files" in expand:
            expanded.output_files.CopyFrom(messages.files_list(outputs))
        if "events" in expand:
            events = await self._tasks.events(task, limit=_MOST_EVENTS + 1)
            more = len(events) > _MOST_EVENTS
            expanded.events.CopyFrom(messages.events_list(task, events[:_MOST_EVENTS], more=more))
        if "attempts" in expand:
            expanded.attempts.CopyFrom(messages.attempts_list((await self._tasks.details(task)).attempts))
        return expanded


def names_in(*lists: Sequence[str]) -> frozenset[str]:
    """The names in query parameters that hold several, with commas between them."""
    return frozenset(name for texts in lists for text in texts for each in text.split(",") if (name := each.strip()))
