"""What docs/operator/kubernetes.md says of the manifests."""

from __future__ import annotations

import re

import pytest

from tests.unit.deploy.kubernetes.manifests import FOLDER, REPOSITORY, Workload, render, workloads

PAGE = (REPOSITORY / "docs" / "operator" / "kubernetes.md").read_text()
BASE = [
    pytest.param(one, container, id=f"{one.name}-{container['name']}")
    for one in workloads(render(FOLDER / "base"))
    if one.endless
    for container in one.running
]


@pytest.mark.parametrize(("workload", "container"), BASE)
def test_the_table_has_what_each_part_asks_for(workload: Workload, container: dict[str, object]) -> None:
    name = "its `triton`" if container["name"] == "triton" else f"`{workload.made['metadata']['name']}`"
    (row,) = [line.split("|") for line in PAGE.splitlines() if re.match(rf"\| {name} \| [\d.]+ core", line)]
    asked, limit = (
        re.match(pattern, cell.strip()) for pattern, cell in ((r"([\d.]+) cores?, (\d+ [MG]iB)", row[2]), (r"(\d+ [MG]iB)", row[3]))
    )
    assert asked is not None and limit is not None, row
    resources = container["resources"]
    assert isinstance(resources, dict)
    assert (float(asked[1]), asked[2]) == (_cores(resources["requests"]["cpu"]), _said(resources["requests"]["memory"]))
    assert limit[1] == _said(resources["limits"]["memory"])


def _cores(quantity: str) -> float:
    return int(quantity[:-1]) / 1000 if quantity.endswith("m") else float(quantity)


def _said(quantity: str) -> str:
    return f"{quantity[:-2]} {quantity[-2:]}B"
