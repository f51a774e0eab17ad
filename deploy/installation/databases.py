"""SQL for the administrator of PostgreSQL: a role and a database for each service."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from deploy.installation.urls import password_of, user_of

_HEADING = """\
-- The roles and databases of Darkroom's services. For psql, as a superuser: `psql --file databases.sql`. Repeating it is harmless.
"""
_DATABASE = """
SELECT {create_role} WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {role_text}) \\gexec
ALTER ROLE {role} LOGIN PASSWORD {password};
SELECT {create_database} WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = {name_text}) \\gexec
REVOKE CONNECT, TEMPORARY ON DATABASE {name} FROM PUBLIC;
"""


def databases_sql(urls: Mapping[str, str]) -> str:
    """The SQL for the services' database URLs. Those without a user, a password or a database's name are left out."""
    wanted = [(user_of(url), password_of(url), unquote(urlsplit(url).path.lstrip("/"))) for url in urls.values()]
    return _HEADING + "".join(
        _DATABASE.format(
            role=_name(role),
            role_text=_text(role),
            create_role=_text(f"CREATE ROLE {_name(role)}"),
            password=_text(password),
            name=_name(name),
            name_text=_text(name),
            create_database=_text(f"CREATE DATABASE {_name(name)} OWNER {_name(role)}"),
        )
        for role, password, name in wanted
        if role and password and name
    )


def _name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
