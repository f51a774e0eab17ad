"""An installation's secrets as objects of Kubernetes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from deploy.installation.errors import InstallationError
from deploy.installation.folder import CERTIFIED, OPERATOR, Installation
from edge.topology import SERVICES

Manifest = dict[str, Any]

_LABELS = {"app.kubernetes.io/part-of": "darkroom"}


def manifests(installation: Installation, namespace: str = "darkroom") -> list[Manifest]:
    """Secrets darkroom-tls-PART (ca.crt, tls.crt, tls.key), darkroom-SERVICE and darkroom-nats, darkroom-postgres, darkroom-s3 with the
    files of their folders, and the ConfigMap darkroom-trusted-keys. The authority's private key and what the operator has are in none.

    Raises InstallationError if a folder is missing.
    """

    def manifest(kind: str, name: str, **content: Any) -> Manifest:
        return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": namespace, "labels": _LABELS}, **content}

    tls = [
        manifest("Secret", f"darkroom-tls-{part}", type="kubernetes.io/tls", stringData=dict(_files(installation.tls(part))))
        for part in CERTIFIED
        if part != OPERATOR
    ]
    secrets = [
        manifest("Secret", f"darkroom-{part}", type="Opaque", stringData=dict(_files(installation.secrets(part))))
        for part in (*SERVICES, "nats", "postgres", "s3")
    ]
    trusted = installation.trusted_keys_file
    return [*tls, *secrets, manifest("ConfigMap", "darkroom-trusted-keys", data={trusted.name: trusted.read_text()})]


def as_yaml(objects: list[Manifest]) -> str:
    """The objects as a stream of documents, for `kubectl apply --filename -`."""
    return yaml.dump_all(objects, Dumper=_Readable, sort_keys=False, explicit_start=True)


def _files(folder: Path) -> Iterator[tuple[str, str]]:
    if not folder.is_dir():
        raise InstallationError(f"there is no {folder}; `darkroom-admin create` adds the missing files of an installation folder")
    for file in sorted(folder.iterdir()):
        if file.is_file() and not file.name.startswith("."):
            yield file.name, file.read_text()


class _Readable(yaml.SafeDumper):
    """Text of several lines, unchanged."""

    def ignore_aliases(self, data: object) -> bool:
        """Repeat what is the same: not every reader knows anchors."""
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Readable.add_representer(str, _text)
