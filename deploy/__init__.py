"""Setting up and running Darkroom: see deploy/README.md."""
