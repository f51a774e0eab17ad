"""`create` and `kubernetes`: the folder of an installation, and its secrets as objects of Kubernetes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from cryptography import x509

from deploy.installation import Installation, InstallationError, create
from deploy.installation.authority import certificate_in
from deploy.installation.creation import DATABASE_TEMPLATE, NATS_TEMPLATE, STORAGE_ENDPOINT
from deploy.installation.folder import CERTIFIED
from deploy.installation.manifests import as_yaml, manifests
from services.platform.tls import FILES


def add_create(parser: argparse.ArgumentParser) -> None:
    """The options of `create`."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="the installation folder")
    parser.add_argument("--public-url", metavar="URL", help="the URL at which clients reach the edge; required the first time")
    parser.add_argument("--namespace", default="darkroom", help="the namespace of Kubernetes (default: %(default)s)")
    parser.add_argument(
        "--host",
        action="append",
        default=[],
        type=_host,
        metavar="PART=NAME",
        help="one more DNS name or address for a part's certificate; may be repeated",
    )
    parser.add_argument(
        "--database-url",
        metavar="URL",
        action="append",
        default=[],
        help="the services' databases, with {service} and, for a random password, {password}; or SERVICE=URL, once for each "
        f"(default: {DATABASE_TEMPLATE})",
    )
    parser.add_argument("--nats-url", metavar="URL", help=f"NATS, the same way; several are separated by commas (default: {NATS_TEMPLATE})")
    parser.add_argument("--s3-endpoint", metavar="URL", help=f"object storage, for services (default: {STORAGE_ENDPOINT})")
    parser.add_argument("--s3-public-endpoint", metavar="URL", help="object storage, for clients (default: the public URL)")
    parser.add_argument("--s3-bucket", metavar="NAME", help="(default: darkroom)")
    parser.add_argument("--s3-region", metavar="NAME", help="(default: us-east-1)")
    parser.add_argument(
        "--s3-keys", type=Path, metavar="FILE", help="file with the access key and the secret key, a line each (default: random ones)"
    )
    parser.set_defaults(run=run_create)


def add_kubernetes(parser: argparse.ArgumentParser) -> None:
    """The options of `kubernetes`."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="the installation folder")
    parser.add_argument("--namespace", default="darkroom", help="the namespace (default: %(default)s)")
    parser.set_defaults(run=run_kubernetes)


def run_create(options: argparse.Namespace) -> int:
    """Make the folder, or add what it lacks, and say what is new and what was kept in spite of an option."""
    known = Installation(options.folder.absolute())
    before = _certificates(known)
    wanted = options.public_url or known.settings.get("DARKROOM_PUBLIC_URL")
    if not wanted:
        raise InstallationError(f"{options.folder} is new: give the URL at which clients reach the edge with --public-url")
    access_key, secret_key = _storage_keys(options.s3_keys)
    made = create(
        options.folder,
        public_url=wanted,
        namespace=options.namespace,
        hosts=_by_part(options.host),
        database_url=_database_urls(options.database_url),
        nats_url=options.nats_url,
        s3_endpoint=options.s3_endpoint,
        s3_public_endpoint=options.s3_public_endpoint,
        s3_bucket=options.s3_bucket or "darkroom",
        s3_region=options.s3_region or "us-east-1",
        s3_access_key=access_key,
        s3_secret_key=secret_key,
    )
    after = _certificates(made)
    changed = [part for part in after if after[part] != before.get(part)]
    print(f"{options.folder}: {_listed(changed, 'new certificates for')}", end="; ")
    print(f"all are valid until {min(one.not_valid_after_utc for one in after.values()):%Y-%m-%d}")
    if before and changed:
        print("Copy them to these parts and restart each part.")
    for line in _kept(options, made) if before else ():
        print(line, file=sys.stderr)
    if not before:
        key = made.authority.relative_to(made.folder) / "ca.key"
        print(f"Keep a copy of this folder where only you can read it. Put {key} on a machine only if other machines join as workers.")
    return 0


def run_kubernetes(options: argparse.Namespace) -> int:
    """Print the objects."""
    print(as_yaml(manifests(Installation.open(options.folder), options.namespace)), end="")
    return 0


def _kept(options: argparse.Namespace, made: Installation) -> Iterator[str]:
    """An option that has no effect because the folder already has a value."""
    settings = {
        "DARKROOM_PUBLIC_URL": (options.public_url or "").rstrip("/"),
        "DARKROOM_S3_ENDPOINT": options.s3_endpoint,
        "DARKROOM_S3_PUBLIC_ENDPOINT": options.s3_public_endpoint,
        "DARKROOM_S3_BUCKET": options.s3_bucket,
        "DARKROOM_S3_REGION": options.s3_region,
    }
    for name, value in settings.items():
        if value and made.settings[name] != value:
            yield f"{name} is {made.settings[name]} in {made.settings_file.name} and is not changed; edit that file to change it"
    secrets = {"--database-url": options.database_url, "--nats-url": options.nats_url, "--s3-keys": options.s3_keys}
    for option in (name for name, value in secrets.items() if value):
        yield f"{option} applies to missing secrets only; those in {made.folder / 'secrets'} are kept: edit or remove a file to change it"


def _host(text: str) -> tuple[str, str]:
    part, separator, name = text.partition("=")
    if not separator or not name or part not in CERTIFIED:
        raise argparse.ArgumentTypeError(f"must be PART=NAME; the parts are {', '.join(CERTIFIED)}")
    return part, name


def _by_part(hosts: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for part, name in hosts:
        found.setdefault(part, []).append(name)
    return found


def _database_urls(texts: list[str]) -> str | dict[str, str] | None:
    if len(texts) == 1 and "://" in texts[0].partition("=")[0]:
        return texts[0]
    pairs = {service: url for service, _, url in (text.partition("=") for text in texts)}
    if any("://" not in url for url in pairs.values()):
        raise InstallationError("give --database-url once, with {service} in it, or as SERVICE=URL for each service")
    return pairs or None


def _storage_keys(file: Path | None) -> tuple[str | None, str | None]:
    if file is None:
        return None, None
    try:
        lines = file.read_text().split()
    except OSError as error:
        raise InstallationError(f"{file} cannot be read: {error.strerror}") from None
    if len(lines) != 2:
        raise InstallationError(f"{file} must have two lines: the access key and the secret key")
    return lines[0], lines[1]


def _certificates(installation: Installation) -> dict[str, x509.Certificate]:
    files = {part: installation.tls(part) / FILES[1] for part in CERTIFIED}
    return {part: certificate_in(file) for part, file in files.items() if file.is_file()}


def _listed(parts: list[str], heading: str) -> str:
    return f"{heading} {', '.join(parts)}" if parts else "every certificate is kept"
