"""Run by tests in a process of its own: forks as the supervisor does, with its handlers set. Prints the exit status of the fork."""

from __future__ import annotations

import json
import os
import random
import signal
import ssl
import sys
import tempfile
from pathlib import Path

from deploy.local.daemon import MODULE
from deploy.local.daemon.__main__ import Options
from deploy.local.daemon.child import Preloader


def main(module: str, folder: str, *modules: str) -> None:
    """Load modules and have `module` run in a fork, with the environment file in `folder`."""
    preloaded = Preloader(modules)
    assert not preloaded.load()
    assert tempfile.gettempdir() != folder
    random.random()
    ssl.RAND_bytes(1)
    options = Options(preloaded, Preloader([]))
    options.setsignals()
    options.configfile = str(Path(folder) / "supervisord.conf")
    for _ in range(2):
        options.shared = preloaded.is_current()
        pid = os.fork()
        if pid == 0:
            environment = {**os.environ, MODULE: module, "SUPERVISOR_PROCESS_NAME": "part"}
            options.execve(sys.executable, [sys.executable, "-u", "-m", module], environment)
        print("status", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


def facts() -> None:
    """What a process is like as its module begins."""
    print(
        json.dumps(
            {
                "arguments": sys.argv,
                "path": sys.path[0],
                "main": sys.modules["__main__"].__dict__["__name__"],
                "handlers": {int(number): str(signal.getsignal(number)) for number in signal.valid_signals()},
                "mask": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
                "wakeup": signal.set_wakeup_fd(-1),
                "temporary": tempfile.gettempdir(),
                "value": os.environ.get("VALUE"),
                "not inherited": os.environ.get(MODULE),
                "streams": [(one.fileno(), one.encoding, one.errors) for one in (sys.stdin, sys.stdout, sys.stderr)],
                "umask": os.umask(0o77),
                "arguments shown": [word for word in Path("/proc/self/cmdline").read_text().split("\0") if word not in ("", "-u")],
                "loaded": "wave" in sys.modules,
                "random": (random.random(), ssl.RAND_bytes(8).hex()),
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
