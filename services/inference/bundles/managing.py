"""Which bundles are installed, and installing and removing them: files first, then the model server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

from models.bundles import Bundle, installed_bundles, only_of, read_choices
from models.errors import RepositoryError
from services.inference.bundles.commands import Installer
from services.inference.bundles.journal import Job, Journal, Release
from services.inference.model_server.control import ModelControl
from services.platform.bundles import BundleState
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.log import get_logger

_LAID_OUT = 80
"""Percent of an installation when its files are there."""
_INTERRUPTED = "The worker that was installing it has stopped. Install it again."
_logger = get_logger()


class Bundles:
    """The bundles of this installation."""

    def __init__(
        self,
        bundles: Mapping[str, Bundle],
        control: ModelControl,
        repository: Path | None,
        platform: str | None,
        instead: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Without the model `repository`, bundles can only be looked at. `instead`: models of the operator's that do what tools need
        another one for, by its name."""
        self._bundles, self._control, self._repository, self._instead = bundles, control, repository, instead
        self._journal = Journal(repository) if repository is not None else None
        self._installer = Installer(repository, platform) if repository is not None else None
        self._running: asyncio.Task[None] | None = None

    async def all(self) -> Sequence[BundleState]:
        """Every bundle. Raises UNAVAILABLE while the model server is away."""
        ready = await self._control.ready()
        if self._journal is not None:
            self._settle(self._journal)
        jobs = self._journal.jobs() if self._journal is not None else {}
        there = self._installed(ready)
        return [self._state(name, bundle, ready, name in there, jobs.get(name)) for name, bundle in self._bundles.items()]

    async def install(self, name: str) -> int:
        """Begin to install a bundle; returns the installation's number. Raises BUNDLE_NOT_FOUND, BUNDLE_CONFLICT, UNAVAILABLE."""
        bundle = self._known(name)
        journal, installer = self._managed()
        release = self._locked(journal)
        try:
            if name in self._installed(await self._control.ready()):
                raise _conflict(f'Bundle "{name}" is already installed')
            # Milliseconds, so that each is larger than those before.
            job = Job(number=time.time_ns() // 1_000_000, stage="Starting")
            journal.put(name, job)
        except BaseException:
            release()
            raise
        self._running = asyncio.create_task(self._install(name, bundle, job, journal, installer, release))
        return job.number

    async def remove(self, name: str) -> None:
        """Unload and delete the models that no other installed bundle uses. Raises as `install`."""
        self._known(name)
        journal, installer = self._managed()
        release = self._locked(journal)
        try:
            ready = await self._control.ready()
            there = self._installed(ready)
            if name not in there:
                raise _conflict(f'Bundle "{name}" is not installed')
            await self._control.unload(only_of(name, self._bundles, there) & frozenset(ready))
            await installer.remove(name)
            journal.put(name, None)
            _logger.info("bundle_removed", bundle=name)
        finally:
            release()

    def bytes_used(self) -> int:
        """Size of the model repository."""
        self._managed()
        assert self._repository is not None
        total = 0
        for path in self._repository.rglob("*"):
            with suppress(FileNotFoundError):
                total += path.stat().st_size if path.is_file() else 0
        return total

    async def close(self) -> None:
        """Break off an installation."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    async def _install(self, name: str, bundle: Bundle, job: Job, journal: Journal, installer: Installer, release: Release) -> None:
        def report(percent: int, stage: str) -> None:
            journal.put(name, job.model_copy(update={"percent": percent * _LAID_OUT // 100, "stage": stage}))

        end = {"percent": 100, "ended": True, "stage": ""}
        try:
            lacking = bundle.lacking(await self._control.ready())
            await installer.install(name, report)
            report(100, "Loading the models")
            await self._load(name, lacking, installer)
            journal.put(name, job.model_copy(update=end))
            _logger.info("bundle_installed", bundle=name)
        except Exception as error:  # noqa: BLE001 - whatever it is, the installation has ended
            said = error.message if isinstance(error, DarkroomError) else "Internal error."
            _logger.warning("bundle_not_installed", bundle=name, error=repr(error))
            journal.put(name, job.model_copy(update={**end, "error": said}))
        finally:
            release()

    async def _load(self, name: str, models: Collection[str], installer: Installer) -> None:
        try:
            await self._control.load(models)
        except DarkroomError:
            # As it was before.
            await self._control.unload(frozenset(models) & frozenset(await self._control.ready()))
            await installer.remove(name)
            raise

    def _installed(self, ready: Collection[str]) -> list[str]:
        choices: Mapping[str, bool] = {}
        if self._repository is not None:
            try:
                choices = read_choices(self._repository)
            except RepositoryError as error:
                _logger.warning("bundle_choices_unreadable", error=str(error))
        return installed_bundles(self._bundles, choices, ready)

    def _state(self, name: str, bundle: Bundle, ready: Collection[str], complete: bool, job: Job | None) -> BundleState:
        running = job is not None and not job.ended
        error = job.error if job is not None and not complete else ""
        return BundleState(
            id=name,
            name=bundle.name,
            description=bundle.description,
            estimated_size=bundle.estimated_size,
            version=bundle.version if complete and not running else "",
            tools=bundle.tools,
            operations=bundle.operations,
            unavailable_tools=bundle.unavailable({*ready, *(name for name, own in self._instead.items() if own in ready)}),
            status="installing" if running else "installed" if complete else "error" if error else "not_installed",
            percent=job.percent if job is not None else 0,
            stage=job.stage if job is not None and running else "",
            error="" if running else error,
            job=job.number if job is not None else 0,
        )

    def _settle(self, journal: Journal) -> None:
        """Mark installations as failed whose worker is gone: nobody has the lock any more."""
        open_ = {name: job for name, job in journal.jobs().items() if not job.ended}
        if not open_ or (release := journal.lock()) is None:
            return
        try:
            for name, job in journal.jobs().items():
                if not job.ended:
                    journal.put(name, job.model_copy(update={"ended": True, "error": _INTERRUPTED, "stage": ""}))
        finally:
            release()

    def _locked(self, journal: Journal) -> Release:
        release = journal.lock()
        if release is None:
            raise _conflict("Another install is already in progress")
        return release

    def _known(self, name: str) -> Bundle:
        if name not in self._bundles:
            raise DarkroomError(ErrorReason.BUNDLE_NOT_FOUND, f"Unknown bundle: {name}")
        return self._bundles[name]

    def _managed(self) -> tuple[Journal, Installer]:
        assert self._journal is not None and self._installer is not None, "only asked where there is a repository"
        return self._journal, self._installer


def bundles_of_models(bundles: Mapping[str, Bundle]) -> Mapping[str, str]:
    """The bundle to install for each model."""
    return {model: name for name, bundle in bundles.items() for model in bundle.all_models}


def _conflict(message: str) -> DarkroomError:
    return DarkroomError(ErrorReason.BUNDLE_CONFLICT, message)
