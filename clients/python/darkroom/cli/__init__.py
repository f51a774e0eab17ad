"""The `darkroom` command."""

import os

# gRPC reads these when it is loaded. The command reports in its own words what it would log about a connection that fails; and its handlers
# for forks make children crash before they become another program (https://github.com/grpc/grpc/issues/43055).
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
