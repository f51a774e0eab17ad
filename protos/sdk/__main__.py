"""`python -m protos.sdk FOLDER` writes the Python client's generated modules to a gen/ that holds the modules of the protos.

A module is replaced in one step, and only if it has changed.
"""

import sys
from pathlib import Path

from protos.sdk.blocking import synchronous_module
from protos.sdk.operations import methods_module, operations_module, read_operations
from protos.sdk.reasons import reasons_module
from protos.sdk.scopes import scopes_module
from reference.comments import Comments


def main() -> None:
    """Write the modules."""
    gen = Path(sys.argv[1])
    package = gen / "darkroom"
    operations = read_operations(Comments(gen / "descriptors.pb"))
    _write(package / "common" / "v1" / "scopes.py", scopes_module())
    _write(package / "common" / "v1" / "reasons.py", reasons_module())
    _write(package / "operations" / "__init__.py", operations_module(operations))
    methods = methods_module(operations)
    _write(package / "operation_methods.py", methods)
    _write(package / "synchronous.py", synchronous_module({"operation_methods": methods}))


def _write(path: Path, text: str) -> None:
    if path.is_file() and path.read_text() == text:
        return
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_text(text)
    fresh.replace(path)


if __name__ == "__main__":
    main()
