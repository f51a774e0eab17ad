"""What `darkroom-admin check` looks at. `python -m deploy.admin.checks SERVICE` checks one service with the environment it is given."""
