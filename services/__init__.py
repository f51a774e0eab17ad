"""The services of the platform, one package each."""

import os

from services.optional_packages import leave_out

# No process of ours uses gRPC on both sides of a fork. gRPC's handlers for those that do make children crash between fork and exec
# (https://github.com/grpc/grpc/issues/43055); it reads this when it is loaded.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
# gRPC 1.80 and later let threads of their event engine read and write sockets for Python. As earlier versions do it, a call takes about a
# quarter less processor time and latency. gRPC plans to remove this choice.
os.environ.setdefault("GRPC_EXPERIMENTS", "-event_engine_client,-event_engine_listener,-event_engine_for_all_other_endpoints")
leave_out()
