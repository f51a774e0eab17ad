"""These tests need PyTorch, which the normal set-up does not install: `make test-diffusion` says where it is, and only it collects them."""

from __future__ import annotations

import os

if "DARKROOM_DIFFUSION_VENV" not in os.environ:
    collect_ignore_glob = ["test_*.py"]
