"""Backups of a stack that runs, and stacks made from them.

A backup is one tar archive: `manifest.json`, the stack's keys, passwords and settings (`stack/`), a copy of the PostgreSQL cluster at one
moment (`postgres/`), and the objects (`objects/`). With recipients it is encrypted in the format of age (age-encryption.org/v1).
"""
