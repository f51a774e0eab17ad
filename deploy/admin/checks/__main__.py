"""`python -m deploy.admin.checks SERVICE`: the findings as JSON on standard output."""

import asyncio
import json
import logging
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

import structlog

from deploy.admin.checks.one_service import check_service

_THREADS = 64

if __name__ == "__main__":
    # The findings contain what the services' own code logs about failing connections.
    logging.disable(logging.CRITICAL)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    loop = asyncio.new_event_loop()
    # One that waits for a name server keeps no other from its turn.
    loop.set_default_executor(ThreadPoolExecutor(_THREADS))
    outcome = loop.run_until_complete(check_service(sys.argv[1]))
    database = asdict(outcome.database) if outcome.database else None
    print(json.dumps({"findings": [one.as_json() for one in outcome.findings], "database": database}), flush=True)
    # Not at the end of threads that still wait for a name server.
    os._exit(0)
