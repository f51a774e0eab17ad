"""What docs/operator/kubernetes.md says of the manifests."""

from __future__ import annotations

import re

from tests.unit.deploy.kubernetes.manifests import FOLDER, REPOSITORY, render, workloads

PAGE = (REPOSITORY / "docs" / "operator" / "kubernetes.md").read_text()


def test_the_table_has_what_each_part_asks_for() -> None:
    for workload in workloads(render(FOLDER / "base")):
        for container in workload.running if workload.endless else ():
            name = "its `triton`" if container["name"] == "triton" else f"`{workload.made['metadata']['name']}`"
            (row,) = [line.split("|") for line in PAGE.splitlines() if re.match(rf"\| {name} \| [\d.]+ core", line)]
            asked = re.match(r"([\d.]+) cores?, (\d+ [MG]iB)", row[2].strip())
            limit = re.match(r"(\d+ [MG]iB)", row[3].strip())
            assert asked is not None and limit is not None, row
            resources = container["resources"]
            assert (float(asked[1]), asked[2]) == (_cores(resources["requests"]["cpu"]), _said(resources["requests"]["memory"])), row
            assert limit[1] == _said(resources["limits"]["memory"]), row


def _cores(quantity: str) -> float:
    return int(quantity[:-1]) / 1000 if quantity.endswith("m") else float(quantity)


def _said(quantity: str) -> str:
    return f"{quantity[:-2]} {quantity[-2:]}B"
