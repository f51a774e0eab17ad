"""The checks of `darkroom-admin check`. `python -m deploy.admin.checks SERVICE` checks one service with the environment it is given."""
