"""The parts from which every surface of the service is built."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from services.tasks.domain.acceptance.acceptance import Acceptance
from services.tasks.domain.batches.account_batches import AccountBatches
from services.tasks.domain.batches.archiving import BatchArchiving
from services.tasks.domain.credits.ledger import Ledger
from services.tasks.domain.owner.account_tasks import AccountTasks
from services.tasks.domain.owner.account_watching import AccountWatching
from services.tasks.domain.owner.task_search import TaskSearch
from services.tasks.domain.owner.watching import Watching
from services.tasks.domain.pipelines import SavedPipelines
from services.tasks.domain.webhooks.account_webhooks import AccountWebhooks
from services.tasks.files_client import FilesClient


@dataclass(frozen=True, slots=True)
class SurfaceParts:
    """A surface's `mounts(parts)` serves its calls with these. Its `webhook_formats(parts)`, if it has one, maps names to forms of events
    (`WebhookFormat`): that of the surface itself, as `TaskRequest.surface` has it, to the form that its tasks' own URLs are sent."""

    acceptance: Acceptance
    tasks: AccountTasks
    watching: Watching
    account_watching: AccountWatching
    search: TaskSearch
    batches: AccountBatches
    archiving: BatchArchiving
    files: FilesClient
    webhooks: AccountWebhooks
    ledger: Ledger
    pipelines: SavedPipelines
    max_pooled: int
    """How many tasks that it created singly an account may have open, over all surfaces that count them."""
    task_life: timedelta
    """How long a task is kept after its end."""
    derived_keys: Callable[[bytes], Sequence[bytes]]
    """32 bytes for a purpose, from each of the installation's keys that protect webhooks, the current one first."""
    heartbeat: float
    """Seconds between the comments that keep a stream of events open."""
