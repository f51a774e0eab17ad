"""`python -m deploy.kubernetes.monitoring` writes what the Prometheus operator gets from the rules and the dashboard in deploy/prometheus.

Kustomize reads no file outside of the folder that names it, so they are there once more, and a test compares them.
"""

from __future__ import annotations

from pathlib import Path

_SOURCE = Path(__file__).resolve().parent.parent / "prometheus"
FOLDER = Path(__file__).resolve().parent / "components" / "prometheus"

_HEADING = """\
# Made by `python -m deploy.kubernetes.monitoring` from deploy/prometheus/alerts.yml.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: darkroom
spec:
"""


def monitoring_files() -> dict[str, str]:
    """The files by name."""
    rules = (_SOURCE / "alerts.yml").read_text().splitlines(keepends=True)
    indented = "".join(f"  {line}" if line.strip() else line for line in rules)
    return {"rules.yaml": _HEADING + indented, "dashboard.json": (_SOURCE / "dashboard.json").read_text()}


if __name__ == "__main__":
    for name, content in monitoring_files().items():
        (FOLDER / name).write_text(content)
