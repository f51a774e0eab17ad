"""`python -m deploy.local.daemon`: takes the arguments of `supervisord`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from supervisor import supervisord
from supervisor.options import ProcessConfig, ServerOptions
from supervisor.process import Subprocess
from supervisor.states import SupervisorStates

from deploy.local.daemon import MODULE, SHARES
from deploy.local.daemon.child import Preloader, read_environment, run


class Options(ServerOptions):  # type: ignore[misc]
    """supervisord's, and how it starts a program that is a Python module."""

    def __init__(self, preloaded: Preloader, bare: Preloader) -> None:
        super().__init__()
        self.preloaded, self.bare = preloaded, bare
        """The modules for programs that share them, and for others none but the supervisor's own."""
        self.shared = False
        """Whether the process that is about to be forked may use what is loaded."""

    def processes_from_section(self, parser: Any, section: str, group_name: str, klass: Any = None) -> Any:
        """The programs that a section of the configuration declares."""
        return super().processes_from_section(parser, section, group_name, _Program if klass is ProcessConfig else klass)

    def execve(self, filename: str, argv: list[str], env: dict[str, str]) -> None:
        """Become the program, in the process forked for it. If the fork cannot stand for a fresh interpreter, it starts one."""
        module, _ = env.pop(MODULE, ""), env.pop(SHARES, "")
        if not module or sys.executable not in argv or str(Path.cwd()) != sys.path[0] or not self.shared:
            os.execve(filename, argv, env)  # noqa: S606 - there is no shell
        file = Path(self.configfile).parent / f"{env['SUPERVISOR_PROCESS_NAME']}.env"
        run(module, argv[argv.index(module) + 1 :], {**env, **read_environment(file)})


class _Program(ProcessConfig):  # type: ignore[misc]
    def make_process(self, group: Any = None) -> Subprocess:
        """A process of this program, which is not started yet."""
        process = _Process(self)
        process.group = group
        return process


class _Process(Subprocess):  # type: ignore[misc]
    def spawn(self) -> Any:
        """Start the process. Modules' shared imports are loaded before the first of them."""
        environment = self.config.environment or {}
        if MODULE in environment:
            options = self.config.options
            preloaded = options.preloaded if SHARES in environment else options.bare
            if problem := preloaded.load():
                options.logger.warn(f"nothing is shared by the services: {problem}")
            # Not by the fork, which would copy each page that it looks at.
            options.shared = preloaded.is_current()
        return super().spawn()


def main() -> None:
    """Run until asked to end; restart on SIGHUP, as supervisord does."""
    preloaded, bare, first = Preloader(["deploy.local.daemon.shared"]), Preloader([]), True
    while True:
        options = Options(preloaded, bare)
        options.realize(doc=supervisord.__doc__)
        options.first, options.test = first, False
        supervisord.go(options)
        options.close_httpservers()
        options.close_logger()
        first = False
        if options.mood < SupervisorStates.RESTARTING:
            return


if __name__ == "__main__":
    main()
