"""The drill of docs/operator/backup.md: a backup under load, everything destroyed, restored, compared, and started again."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyrage

from darkroom import AsyncClient
from darkroom.failures import DarkroomFailure
from tests.cluster import plan
from tests.cluster.cluster import Cluster
from tests.cluster.operators_commands import run
from tests.cluster.trial import Trial
from tests.system.pictures import disc, encoded

_BEFORE_SECONDS, _AFTER_SECONDS = 8.0, 3.0


@dataclass(frozen=True)
class Facts:
    """What is so at a time and stays so, by ids, as independent queries tell it."""

    accounts: Mapping[int, Any]
    charges: Mapping[int, Any]
    tasks: frozenset[int]
    ended: Mapping[int, Any]
    files: Mapping[int, str]
    """The digest of each file's bytes."""

    @classmethod
    def of(cls, cluster: Cluster) -> Facts:
        def rows(service: str, query: str) -> dict[int, Any]:
            return {row["id"]: tuple(row.values()) for row in cluster.fetch(service, query)}

        bucket = cluster.dir / "data" / "objects" / plan.BUCKET
        keys = cluster.fetch("files", "SELECT id, object_key FROM file WHERE state = 'ready'")
        return cls(
            accounts=rows("accounts", "SELECT id, name FROM account"),
            charges=rows("tasks", "SELECT * FROM ledger_entry"),
            tasks=frozenset(rows("tasks", "SELECT id FROM task")),
            ended=rows("tasks", "SELECT id, state, charged_millicredits, output_file_ids FROM task WHERE end_time IS NOT NULL"),
            files={row["id"]: _digest(bucket / row["object_key"]) for row in keys},
        )

    def check_between(self, before: Facts, after: Facts) -> None:
        """This is a moment between two others: it has all of the one, and the other has all of it, but for files that were deleted."""
        for name in ("accounts", "charges", "ended"):
            earlier, own, later = (getattr(facts, name) for facts in (before, self, after))
            assert earlier.items() <= own.items(), f"{name} of before the backup are missing or others"
            assert own.items() <= later.items(), f"{name} were not there when the backup had been made"
        assert before.tasks <= self.tasks <= after.tasks
        lost = {file: digest for file, digest in before.files.items() if file in after.files and self.files.get(file) != digest}
        assert not lost, f"{len(lost)} files are missing or others"
        assert "" not in self.files.values(), "a file has no bytes"


async def drill(section: str, cluster: Cluster, work: Trial) -> None:
    """With the commands of a section of the page."""
    identity, folder = pyrage.x25519.Identity.generate(), cluster.dir
    (folder / "key.txt").write_text(f"{identity}\n")
    recipient = str(identity.to_public())
    _name_authorities(cluster)
    found: list[Facts] = []
    accepted: list[set[int]] = []
    cancelled: list[set[int]] = []

    async def note() -> None:
        accepted.append(work.accepted)
        cancelled.append(work.cancelled)
        found.append(await asyncio.to_thread(Facts.of, cluster))

    async def deed() -> None:
        deleting = asyncio.create_task(_upload_and_delete(cluster))
        try:
            await asyncio.sleep(_BEFORE_SECONDS)
            await note()
            print(await asyncio.to_thread(run, section, "backup", folder, recipient), flush=True)
            await note()
            await asyncio.sleep(_AFTER_SECONDS)
        finally:
            deleting.cancel()
        await asyncio.to_thread(cluster.destroy)

    await work.under_load_lost(deed)
    print(await asyncio.to_thread(run, section, "verify-backup", folder, recipient, without="--restored"), flush=True)

    def restore() -> None:
        for what in ("restore", "--restored"):
            print(run(section, what, folder, recipient), flush=True)
        found.append(Facts.of(cluster))

    await asyncio.to_thread(run, section, "restore-folder", folder, recipient)
    await asyncio.to_thread(cluster.build, restore)
    before, after, restored = found
    restored.check_between(before, after)
    assert accepted[0] <= restored.tasks
    open_tasks = len(restored.tasks) - len(restored.ended)
    print(
        f"{len(restored.tasks)} tasks, {open_tasks} of them open, {len(restored.charges)} charges, {len(restored.files)} files", flush=True
    )
    await work.judge_restored(restored.tasks, cancelled[0])


def _name_authorities(cluster: Cluster) -> None:
    """As step 1 of three-hosts.md asks for, for servers with certificates of an authority of one's own."""
    settings, authority = cluster.installation.settings_file, cluster.installation.authority / "ca.crt"
    lines = [f"DARKROOM_{name}_CA_FILE={authority}\n" for name in ("DATABASE", "S3")]
    settings.write_text(settings.read_text() + "".join(line for line in lines if line not in settings.read_text()))


async def _upload_and_delete(cluster: Cluster) -> None:
    account = await asyncio.to_thread(cluster.create_account, "deleting")
    async with AsyncClient(cluster.edge(plan.EDGES[0]), account.api_key) as client:
        number = 0
        while True:
            number += 1
            with suppress(DarkroomFailure, OSError):
                file = await client.upload(_picture(number), name="deleted.png")
                await asyncio.sleep(0.05)
                await client.delete_file(file.id)


def _picture(number: int) -> bytes:
    return encoded(disc(40 + number % 50, 40), "PNG")


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""
