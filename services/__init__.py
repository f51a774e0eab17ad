"""The services of the platform, one package each."""

import os

from services.optional_packages import leave_out

# No process of ours uses gRPC on both sides of a fork. gRPC's handlers for those that do make children crash between fork and exec
# (https://github.com/grpc/grpc/issues/43055); it reads this when it is loaded.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
leave_out()
