"""The embedded stack: every part of Darkroom on one machine under one supervisor, without a container engine.

`python -m deploy.local --help` lists the commands; deploy/README.md describes folders, ports and settings.
"""
