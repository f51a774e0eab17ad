"""The clients of the whole system, for the tests that break it."""

from tests.system.conftest import native, other_pilio, pilio, portrait, report

__all__ = ["native", "other_pilio", "pilio", "portrait", "report"]
