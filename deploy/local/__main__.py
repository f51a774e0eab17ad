"""`python -m deploy.local`."""

from deploy.local.commands import main

raise SystemExit(main())
