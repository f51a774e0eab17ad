"""Making an installation folder, and adding to one what it lacks."""

from __future__ import annotations

import datetime
import ipaddress
import re
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from deploy.installation.authority import Authority, Lifetime, create_authority, lasts, open_authority
from deploy.installation.errors import InstallationError
from deploy.installation.folder import (
    CERTIFIED,
    DATABASE_URL,
    NATS_URL,
    OPERATOR,
    S3_ACCESS_KEY,
    S3_SECRET_KEY,
    SIGNING_KEY,
    WEBHOOK_KEY,
    Installation,
)
from deploy.installation.keys import create_signing_keys, create_webhook_secrets_key
from deploy.installation.nats_users import rights_of, user
from deploy.installation.private_file import make_private_folder, write_private
from edge.topology import DATABASES, SERVICES

NATS_TEMPLATE = "tls://{service}:{password}@nats:4222"
DATABASE_TEMPLATE = "postgresql+asyncpg://{service}:{password}@postgres/{service}"
STORAGE_ENDPOINT = "http://s3:9000"

_AUTHORITY_VALID = datetime.timedelta(days=3650)
_LIFETIME = Lifetime(valid=datetime.timedelta(days=730), remaining=datetime.timedelta(days=90))
_NATS_SERVERS = ("nats-0.nats", "nats-1.nats", "nats-2.nats")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_HOST = re.compile(r"(\*\.)?[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9])?")
_OWN = ("secrets", "tls", "settings.env")
"""The files that mark a folder as one of an installation, or the beginning of one."""
_HEADING = """\
-- The roles and databases of Darkroom's services. For psql, as a superuser: `psql --file databases.sql`. Repeating it is harmless.
"""
_DATABASE = """
SELECT {create_role} WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {role_text}) \\gexec
ALTER ROLE {role} LOGIN PASSWORD {password};
SELECT {create_database} WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = {name_text}) \\gexec
REVOKE CONNECT, TEMPORARY ON DATABASE {name} FROM PUBLIC;
"""


DIRECT_URL_SECONDS = "900"
"""Lifetime of upload URLs that lead straight to the storage."""


def create(
    folder: Path,
    *,
    public_url: str,
    namespace: str = "darkroom",
    hosts: Mapping[str, Sequence[str]] | None = None,
    database_url: str | Mapping[str, str] | None = None,
    nats_url: str | None = None,
    s3_endpoint: str | None = None,
    s3_public_endpoint: str | None = None,
    s3_bucket: str = "darkroom",
    s3_region: str = "us-east-1",
    s3_access_key: str | None = None,
    s3_secret_key: str | None = None,
    settings: Mapping[str, str] | None = None,
) -> Installation:
    """Make an installation folder. Existing files stay unchanged, except for certificates that end soon or lack a name, and for what is
    derived from the rest: trusted-keys.json, the users of NATS, and the SQL that makes the databases.

    public_url: the URL at which clients reach the edge.
    namespace: of Kubernetes; certificates name the parts there, too.
    hosts: more DNS names and addresses for a part's certificate.
    database_url: a template with `{service}`, and perhaps `{password}`, which is replaced by a random one; or a URL for each service.
    nats_url: a template with `{service}` and `{password}`; several servers are separated by commas.
    s3_endpoint: of services; s3_public_endpoint: of clients (default: through the edge). The keys are random where none are given.
    settings: more lines of settings.env, DARKROOM_… to value.

    Raises InstallationError, before anything is written, for what cannot be used.
    """
    extra = _checked_hosts(hosts or {})
    if not _LABEL.fullmatch(namespace):
        raise InstallationError(f"{namespace!r} is not a valid namespace: lower-case letters, digits and hyphens")
    if not public_url.startswith(("http://", "https://")):
        raise InstallationError(f"the public URL is {public_url!r}; it must start with http:// or https://")
    _check_databases(database_url)
    _check_nats(nats_url or NATS_TEMPLATE)
    made = Installation(folder.absolute())
    if made.folder.is_dir() and any(made.folder.iterdir()) and not any((made.folder / name).exists() for name in _OWN):
        raise InstallationError(f"{folder} contains other files; name a new or empty folder")
    for part in (*SERVICES, "nats", "postgres", "s3", OPERATOR):
        make_private_folder(made.secrets(part))
    for inner in (made.folder, made.folder / "secrets", made.folder / "tls"):
        make_private_folder(inner)
    _issue(made, namespace, extra)
    create_signing_keys({service: made.secrets(service) / SIGNING_KEY for service in SERVICES}, made.trusted_keys_file)
    create_webhook_secrets_key(made.secrets("tasks") / WEBHOOK_KEY)
    _write_nats(made, nats_url or NATS_TEMPLATE)
    _write_databases(made, database_url or DATABASE_TEMPLATE)
    _write_storage(made, s3_access_key, s3_secret_key)
    public = public_url.rstrip("/")
    _add_settings(
        made,
        {
            "DARKROOM_PUBLIC_URL": public,
            "DARKROOM_S3_ENDPOINT": s3_endpoint or STORAGE_ENDPOINT,
            "DARKROOM_S3_PUBLIC_ENDPOINT": s3_public_endpoint or public,
            "DARKROOM_S3_BUCKET": s3_bucket,
            "DARKROOM_S3_REGION": s3_region,
            # Behind the edge, storage is asked by its own name: AWS's knows no other.
            "DARKROOM_S3_SIGNED_FOR": "public" if s3_public_endpoint else "storage",
            # The edge ends URLs with their files. Where clients go past it, URLs last no longer than they must.
            **({"DARKROOM_UPLOAD_URL_SECONDS": DIRECT_URL_SECONDS} if s3_public_endpoint else {}),
            **(settings or {}),
        },
    )
    return made


def _checked_hosts(hosts: Mapping[str, Sequence[str]]) -> Mapping[str, Sequence[str]]:
    for part, names in hosts.items():
        if part not in CERTIFIED:
            raise InstallationError(f"there is no part {part!r} with a certificate; the parts are {', '.join(CERTIFIED)}")
        # A part is known by the names in its certificate.
        if taken := [name for name in names if name in CERTIFIED and name != part]:
            raise InstallationError(f"{taken[0]} is the name of another part, and must not be in the certificate of {part}")
        if unusable := [name for name in names if not _is_host(name)]:
            raise InstallationError(f"{unusable[0]!r} is neither a DNS name nor an address; write letters beyond a to z as xn--…")
    return hosts


def _is_host(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return _HOST.fullmatch(name) is not None
    return True


def _issue(made: Installation, namespace: str, extra: Mapping[str, Sequence[str]]) -> None:
    authority = _authority(made)
    for part in CERTIFIED:
        own = [part, *(_NATS_SERVERS if part == "nats" else ())]
        inside = [f"{name}.{namespace}{suffix}" for name in own for suffix in ("", ".svc", ".svc.cluster.local")]
        authority.issue(made.tls(part), [*own, "localhost", "127.0.0.1", *inside, *extra.get(part, ())], _LIFETIME)


def _authority(made: Installation) -> Authority:
    known = open_authority(made.authority)
    if known is None:
        present = [name for name in ("ca.crt", "ca.key") if (made.authority / name).exists()]
        if len(present) == 1:
            lost = "ca.key" if present == ["ca.crt"] else "ca.crt"
            raise InstallationError(
                f"{made.authority} holds {present[0]} without its {lost}, so no certificate can be made; restore {lost} from its copy"
            )
        if present:
            raise InstallationError(f"ca.key in {made.authority} is not a key that `create` made; restore it from its copy")
        return create_authority(made.authority, f"Darkroom {secrets.token_hex(5)}", _AUTHORITY_VALID)
    if not lasts(made.authority / "ca.crt", datetime.timedelta()):
        raise InstallationError(
            f"the authority in {made.authority} has expired; remove the folder {made.authority.parent}, create everything "
            "again, and give every part its new certificate"
        )
    return known


def _write_nats(made: Installation, template: str) -> None:
    urls = {name: _written(made, name, NATS_URL, _filled(template, name)) for name in (*SERVICES, OPERATOR)}
    passwords = {name: password for name, url in urls.items() if (password := password_of(url.split(",")[0]))}
    known = [user(name, passwords[name], None if name == OPERATOR else rights_of(name)) for name in passwords]
    lines = "\n".join(f"    {one}" for one in known)
    _replace(made.nats_users_file, f"authorization {{\n  users: [\n{lines}\n  ]\n}}\n")


def _write_databases(made: Installation, templates: str | Mapping[str, str]) -> None:
    for name in DATABASES:
        template = templates if isinstance(templates, str) else templates.get(name, DATABASE_TEMPLATE)
        _written(made, name, DATABASE_URL, _filled(template, name))
    # The superuser of a server that belongs to the installation.
    _written(made, "postgres", "password", secrets.token_hex(24))
    _replace(made.databases_file, databases_sql({name: made.secret(name, DATABASE_URL) or "" for name in DATABASES}))


def _write_storage(made: Installation, access_key: str | None, secret_key: str | None) -> None:
    access = _written(made, "files", S3_ACCESS_KEY, access_key or secrets.token_hex(10))
    secret = _written(made, "files", S3_SECRET_KEY, secret_key or secrets.token_hex(24))
    # For a server that belongs to the installation: rclone reads RCLONE_AUTH_KEY as CSV.
    _replace(made.secrets("s3") / "auth-key", f'"{access},{secret}"')


def _filled(template: str, service: str) -> str:
    return template.replace("{service}", service).replace("{password}", secrets.token_hex(24))


def _check_databases(templates: str | Mapping[str, str] | None) -> None:
    if isinstance(templates, Mapping) and (unknown := sorted(set(templates) - set(DATABASES))):
        raise InstallationError(f"{unknown[0]} has no database; those that have one are {', '.join(DATABASES)}")
    if isinstance(templates, str) and "{service}" not in templates:
        raise InstallationError("the database URL must contain {service}, because each service needs its own database")


def _check_nats(template: str) -> None:
    first, _, _ = template.partition(",")
    if password_of(first) and (user := user_of(first)) != "{service}":
        raise InstallationError(f"the NATS URL names the user {user!r}, but each service needs its own user: {{service}}")


def _written(made: Installation, part: str, name: str, content: str) -> str:
    """The content of a secret: the existing one, or else this content."""
    if (known := made.secret(part, name)) is not None:
        return known
    write_private(made.secrets(part) / name, content)
    return content


def _replace(file: Path, content: str) -> None:
    if not file.is_file() or file.read_text() != content:
        write_private(file, content)


def _add_settings(made: Installation, values: Mapping[str, str]) -> None:
    present = made.settings
    missing = "".join(f"{name}={value}\n" for name, value in values.items() if name not in present)
    before = made.settings_file.read_text() if made.settings_file.is_file() else ""
    if missing or not before:
        write_private(made.settings_file, before + ("\n" if before and not before.endswith("\n") else "") + missing)


def databases_sql(urls: Mapping[str, str]) -> str:
    """SQL for the administrator of PostgreSQL: a role and a database for each service.

    `urls` are the services' database URLs. Those without a user, a password or a database's name are left out.
    """
    wanted = [(user_of(url), password_of(url), unquote(urlsplit(url).path.lstrip("/"))) for url in urls.values()]
    return _HEADING + "".join(
        _DATABASE.format(
            role=_sql_name(role),
            role_text=_sql_text(role),
            create_role=_sql_text(f"CREATE ROLE {_sql_name(role)}"),
            password=_sql_text(password),
            name=_sql_name(name),
            name_text=_sql_text(name),
            create_database=_sql_text(f"CREATE DATABASE {_sql_name(name)} OWNER {_sql_name(role)}"),
        )
        for role, password, name in wanted
        if role and password and name
    )


def _sql_name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _sql_text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def user_of(url: str) -> str:
    """The user of a database or of NATS in its URL; empty if the URL names none."""
    return unquote(urlsplit(url).username or "")


def password_of(url: str) -> str:
    """The password; empty if the URL holds none."""
    return unquote(urlsplit(url).password or "")
