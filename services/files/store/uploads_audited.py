"""The audit log's entries about uploads."""

from __future__ import annotations

import json
from collections.abc import Sequence

from darkroom.common.v1 import audit_pb2
from services.platform.audit.log import audit_sql

MOST_NAMED = 100
"""Files that an entry of the audit log names."""


def upload_audit_sql(made: str) -> str:
    """The part of a statement that enters an upload into the log, for the one row of `made`, with `upload_values`."""
    return audit_sql(
        made,
        audit_pb2.AUDIT_ACTION_LIBRARY_UPLOADED,
        details="jsonb_build_object('count', CAST(:audited_count AS text), 'files', CAST(:audited_names AS text))",
    )


def upload_values(names: Sequence[str]) -> dict[str, object]:
    """The files that were uploaded; none where that is no upload of anybody."""
    return {"audited_count": str(len(names)), "audited_names": names_text(names) if names else None}


def names_text(names: Sequence[str]) -> str:
    """The names for an entry."""
    return json.dumps(names[:MOST_NAMED], ensure_ascii=False)
