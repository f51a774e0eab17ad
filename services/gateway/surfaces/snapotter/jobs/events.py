"""Events of jobs, as clients get them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

Event = Mapping[str, object]
RESTARTED = "Server restarted while job was in progress"
_FINAL = ("complete", "completed", "failed")
_LONGEST = 64 << 10
_LONGEST_TEXT = 4000
"""Characters of a text, and bytes of what else may be cut, in an event that is too long."""


def processing(percent: int = 0, stage: str = "") -> Event:
    """A job is under way."""
    return {"phase": "processing", "percent": percent} | ({"stage": stage} if stage else {})


def complete(result: Mapping[str, object], notices: str = "") -> Event:
    """The final event of a job with a result, and sentences about that."""
    return {"phase": "complete", "percent": 100} | ({"stage": notices} if notices else {}) | {"result": result}


def failure_event(error: str) -> Event:
    """The final event of a job without one."""
    return {"phase": "failed", "percent": 100, "error": error}


@dataclass(slots=True)
class BatchState:
    """How far a batch is."""

    total: int
    completed_files: int = 0
    """Those that failed among them."""
    errors: dict[int, tuple[str, str]] = field(default_factory=dict)
    """The names of files that failed, and why, by their places."""
    current: str = ""
    """The file that was begun last."""

    @property
    def error_list(self) -> list[dict[str, str]]:
        """The errors in the order of the files."""
        return [{"filename": name, "error": error} for _, (name, error) in sorted(self.errors.items())]

    def event(self, status: str = "processing") -> Event:
        """As it is now."""
        event: dict[str, object] = {
            "type": "batch",
            "status": status,
            "totalFiles": self.total,
            "completedFiles": self.completed_files,
            "failedFiles": len(self.errors),
            "errors": self.error_list,
        }
        return event | ({"currentFile": self.current} if self.current and status == "processing" else {})

    def final_event(self) -> Event:
        """Its final event."""
        return self.event("failed" if len(self.errors) == self.total else "completed")

    def broken(self, error: str) -> Event:
        """The final event of a batch that did not come to its end."""
        return _broken(self.event(), error)


def content(job_id: str, event: Event) -> bytes:
    """An event as JSON. One that would be too long is shortened."""
    whole = {"jobId": job_id, "type": "single", **event}
    data = _json(whole)
    return data if len(data) <= _LONGEST else _json(_shortened(whole))


def is_final(data: bytes) -> bool:
    """Whether no event follows this one."""
    event = json.loads(data)
    return event.get("phase", event.get("status")) in _FINAL


def cut_off(data: bytes) -> bytes:
    """The final event of a job of which this was the last that its server could tell."""
    event = json.loads(data)
    job_id = event["jobId"]
    return content(job_id, _broken(event, RESTARTED) if event["type"] == "batch" else failure_event(RESTARTED))


def _broken(event: Mapping[str, object], error: str) -> Event:
    errors = event["errors"]
    assert isinstance(errors, list)
    told = {name: value for name, value in event.items() if name != "currentFile"}
    return told | {"status": "failed", "errors": [*errors, {"filename": event.get("currentFile", ""), "error": error}], "error": error}


def _shortened(event: Mapping[str, object]) -> Event:
    """Long texts are cut, and of many errors the last ones left out; of a result, what is longest."""
    shorter = dict(event)
    for name, value in event.items():
        if isinstance(value, str) and name != "jobId":
            shorter[name] = _cut(value)
    if isinstance(errors := event.get("errors"), list):
        kept: list[dict[str, str]] = []
        room = _LONGEST - 4 * _LONGEST_TEXT
        for each in errors:
            one = {name: _cut(text, _LONGEST_TEXT // 8) for name, text in each.items()}
            room -= len(_json(one)) + 1
            if room < 0:
                kept.append({"filename": "", "error": f"{len(errors) - len(kept)} more"})
                break
            kept.append(one)
        shorter["errors"] = kept
    if isinstance(result := event.get("result"), dict):
        left = dict(result)
        while len(_json(left)) > _LONGEST - _LONGEST_TEXT:
            del left[max(left, key=lambda name: len(_json(left[name])))]
        shorter["result"] = left
    return shorter


def _cut(text: str, most: int = _LONGEST_TEXT) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
