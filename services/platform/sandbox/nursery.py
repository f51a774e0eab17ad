"""The process that children are forked from: `python -m services.platform.sandbox.nursery CONTROL_FD MODULE…`.

A service runs gRPC and threads, so it must not fork itself; starting an interpreter for each file would cost a few
hundred milliseconds. The nursery is a single-threaded process which imports the parsers once and forks a fresh child
for each job in a few milliseconds.

First it says over the control socket what it lacks to confine children. Then it gets, for each job, the modules that the job needs, and
two sockets: the job's own (given to the child) and its leash. The nursery holds the leash: it writes the child's wait status there when
the child ends, and kills the child when the host hangs up. When the host dies the control socket ends, and the nursery takes its
children with it.

It imports the parsers with the first job: those for pictures take 70 MiB, and a third of a second. The host starts it for that job, and
hangs up when there has been none for some minutes.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import logging
import os
import selectors
import signal
import socket
import struct
import sys

from services.platform.sandbox import kernel
from services.platform.sandbox.confinement import Confinement

STATUS = struct.Struct("!i")
_CHILD = "services.platform.sandbox.child"
_MODULES_BYTES = 4096


def main(control_fd: int, preload: list[str]) -> None:
    """Serve jobs until the host hangs up."""
    control = socket.socket(fileno=control_fd)
    confinement = Confinement.prepare()
    control.send(json.dumps(confinement.lacking).encode())
    # Parsers log every oddity of a file, without limit. The host logs the outcome of a job.
    logging.disable(logging.ERROR)
    Nursery(control, confinement, preload).serve()


def _load(modules: list[str], confinement: Confinement) -> None:
    for module in modules:
        for needed in getattr(importlib.import_module(module), "CHILD_IMPORTS", ()):
            importlib.import_module(needed)
    confinement.finish_imports()
    # Objects created before the fork are in shared pages; the garbage collector would touch, and so copy, all of them.
    gc.collect()
    gc.freeze()


class Nursery:
    """Forks children on request and reports how each one ended."""

    def __init__(self, control: socket.socket, confinement: Confinement, preload: list[str]) -> None:
        self._control = control
        self._confinement = confinement
        self._always = (_CHILD, *preload)
        self._selector = selectors.DefaultSelector()
        self._leashes: dict[int, socket.socket] = {}
        self._wake_read, self._wake_write = socket.socketpair()

    def serve(self) -> None:
        """The loop: new jobs, dead children, hosts that hung up."""
        for end in (self._wake_read, self._wake_write):
            end.setblocking(False)
        # A signal handler must exist for the wake-up descriptor to be written to.
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake_write.fileno(), warn_on_full_buffer=False)
        self._selector.register(self._control, selectors.EVENT_READ)
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._control:
                    if not self._accept():
                        return
                elif key.fileobj is self._wake_read:
                    with contextlib.suppress(BlockingIOError):
                        self._wake_read.recv(4096)
                    self._reap()
                elif key.data in self._leashes:
                    self._hang_up(key.data)

    def _accept(self) -> bool:
        message, descriptors, _, _ = socket.recv_fds(self._control, _MODULES_BYTES, 2)
        if not message:
            return False
        if missing := [module for module in (*self._always, *json.loads(message)) if module not in sys.modules]:
            _load(missing, self._confinement)
        job, leash = (socket.socket(fileno=descriptor) for descriptor in descriptors)
        pid = os.fork()
        if pid == 0:
            self._become_child(job)
        job.close()
        leash.setblocking(False)
        self._leashes[pid] = leash
        self._selector.register(leash, selectors.EVENT_READ, data=pid)
        return True

    def _become_child(self, job: socket.socket) -> None:
        status = 1
        try:
            kernel.die_with_parent(signal.SIGKILL)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            first = 3
            for kept in sorted({job.fileno(), self._confinement.mounts or 0} - {0}):
                os.closerange(first, kept)
                first = kept + 1
            os.closerange(first, os.sysconf("SC_OPEN_MAX"))
            # Imported before the fork.
            from services.platform.sandbox import child

            child.work(job, self._confinement)
            status = 0
        finally:
            # Never returns into the loop above, and runs no exit handler of the nursery.
            os._exit(status)

    def _hang_up(self, pid: int) -> None:
        # The host closed its end: it has its answer, gave up, or was cancelled. The pid cannot have been reused, since
        # only _reap collects the child, and drops the leash then.
        self._selector.unregister(self._leashes[pid])
        os.kill(pid, signal.SIGKILL)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            leash = self._leashes.pop(pid)
            with contextlib.suppress(KeyError):
                self._selector.unregister(leash)
            with contextlib.suppress(OSError):  # the host may be gone already
                leash.send(STATUS.pack(status))
            leash.close()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
