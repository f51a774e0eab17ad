"""`python -m deploy.worker`."""

from deploy.worker.commands import main

raise SystemExit(main())
