"""The services of the platform, one package each."""

import os

from services.optional_packages import leave_out

# No process of ours uses gRPC on both sides of a fork. gRPC's handlers for those that do make children crash between fork and exec
# (https://github.com/grpc/grpc/issues/43055); it reads this when it is loaded.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
# gRPC for Python serves calls itself or through its newer event engine, which has threads of its own: without it an empty call takes a
# fifth less processor time and a quarter less time here. A version that does not know these names says so in a line, and goes on.
os.environ.setdefault("GRPC_EXPERIMENTS", "-event_engine_listener,-event_engine_client")
leave_out()
