"""The system on three hosts, which are network namespaces of this machine: `make cluster`.

The tests themselves are in `three_hosts.py`. They run in a process of their own, since that has to be in the hosts' network from its start.
"""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from tests.cluster.clocks import SAME, library
from tests.cluster.network import why_not_here

TESTS = Path(__file__).with_name("three_hosts.py")
pytestmark = [
    pytest.mark.skipif(not os.environ.get("DARKROOM_CLUSTER_TESTS"), reason="takes minutes: `make cluster`"),
    pytest.mark.timeout(1800),
]
# Whoever is not root has the rights over networks and mounts in a user namespace, and stays who they are, as PostgreSQL wants it.
_ISOLATED = ("unshare", *(() if os.geteuid() == 0 else ("--user", "--map-current-user", "--keep-caps")), "--net")


def test_the_system_outlives_each_host() -> None:
    if problem := why_not_here(_ISOLATED):
        pytest.skip(problem)
    tests = [sys.executable, "-m", "pytest", "-x", "-s", "-rs", "--timeout=900", "-p", "no:cacheprovider", str(TESTS)]
    assert subprocess.run([*_ISOLATED, *tests], check=False).returncode == 0, "see above"
    if library() is None:
        warnings.warn(SAME, stacklevel=1)  # so that the last lines say it, too
