"""`python -m deploy.admin`, or `darkroom-admin`."""

import sys

from deploy.admin.commands import main

if __name__ == "__main__":
    sys.exit(main())
