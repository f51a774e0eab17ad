"""Making an installation folder, and making it again."""

from __future__ import annotations

import datetime
import json
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from deploy.installation import Installation, InstallationError, create, creation
from deploy.installation.authority import Lifetime, names_of
from deploy.installation.folder import CERTIFIED, MOUNTED
from edge.topology import DATABASES, SERVICES
from services.platform.identity import Signer
from services.platform.tls import FILES, MutualTls
from services.tasks.store.secret_cipher import read_keys

URL = "https://pictures.example"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def certificate(installation: Installation, part: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((installation.tls(part) / "tls.crt").read_bytes())


def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    create(tmp_path / "new", public_url=URL)
    for path in [tmp_path / "new", *(tmp_path / "new").rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_creating_again_changes_nothing(tmp_path: Path) -> None:
    create(tmp_path, public_url=URL)
    before = contents(tmp_path)
    create(tmp_path, public_url="https://other.example", database_url="postgresql+asyncpg://{service}@elsewhere/{service}")
    assert contents(tmp_path) == before


def test_what_is_missing_is_added(tmp_path: Path) -> None:
    made = create(tmp_path, public_url=URL)
    before = contents(tmp_path)
    for file in (made.secrets("tasks") / "database-url", made.tls("keda") / "tls.key", made.secrets("files") / "signing-key.pem"):
        file.unlink()
    made.settings_file.write_text("DARKROOM_QUOTA_BYTES=7\nDARKROOM_PUBLIC_URL=https://by.hand")
    create(tmp_path, public_url=URL)
    after = contents(tmp_path)
    assert {name for name in before if before[name] != after[name]} == {
        "secrets/files/signing-key.pem",
        "secrets/postgres/databases.sql",
        "secrets/tasks/database-url",
        "settings.env",
        "tls/keda/tls.crt",
        "tls/keda/tls.key",
        "trusted-keys.json",
    }
    assert made.settings["DARKROOM_PUBLIC_URL"] == "https://by.hand"
    assert made.settings["DARKROOM_QUOTA_BYTES"] == "7"
    assert made.settings["DARKROOM_S3_BUCKET"] == "darkroom"


def test_certificates_are_of_one_authority_and_name_their_parts(tmp_path: Path) -> None:
    made = create(tmp_path, public_url=URL, namespace="pictures", hosts={"nats": ["10.0.0.7", "nats.example"], "files": ["0:0::7"]})
    authority = x509.load_pem_x509_certificate((made.authority / "ca.crt").read_bytes())
    for part in CERTIFIED:
        certificate(made, part).verify_directly_issued_by(authority)
        MutualTls(made.tls(part)).context()
        names = {part, "localhost", "127.0.0.1", f"{part}.pictures", f"{part}.pictures.svc", f"{part}.pictures.svc.cluster.local"}
        assert names <= set(names_of(made.tls(part) / "tls.crt"))
    assert {"nats-0.nats", "nats-2.nats.pictures.svc.cluster.local", "10.0.0.7", "nats.example"} <= set(
        names_of(made.tls("nats") / "tls.crt")
    )
    assert "::7" in names_of(made.tls("files") / "tls.crt")
    # By its name a part is known to the others.
    assert all(names_of(made.tls(part) / "tls.crt").count(other) == (part == other) for part in CERTIFIED for other in CERTIFIED)
    assert {path.name for path in made.tls("files").iterdir()} == set(FILES)


def test_certificates_near_their_end_and_without_a_wanted_name_are_renewed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = create(tmp_path, public_url=URL, hosts={"nats": ["nats.example"]})
    before = {part: certificate(made, part) for part in CERTIFIED}
    authority = (made.authority / "ca.crt").read_bytes()
    create(tmp_path, public_url=URL, hosts={"nats": ["10.0.0.7"]})
    assert {part for part in CERTIFIED if certificate(made, part) != before[part]} == {"nats"}
    assert {"10.0.0.7", "nats.example"} <= set(names_of(made.tls("nats") / "tls.crt"))

    monkeypatch.setattr(creation, "_LIFETIME", Lifetime(valid=datetime.timedelta(days=800), remaining=datetime.timedelta(days=750)))
    create(tmp_path, public_url=URL)
    assert {part for part in CERTIFIED if certificate(made, part) != before[part]} == set(CERTIFIED)
    assert {"10.0.0.7", "nats.example"} <= set(names_of(made.tls("nats") / "tls.crt"))
    assert (made.authority / "ca.crt").read_bytes() == authority


def test_no_certificate_outlives_its_authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(creation, "_AUTHORITY_VALID", datetime.timedelta(days=100))
    made = create(tmp_path, public_url=URL)
    authority = x509.load_pem_x509_certificate((made.authority / "ca.crt").read_bytes())
    assert certificate(made, "files").not_valid_after_utc == authority.not_valid_after_utc


def test_an_authority_that_cannot_sign_is_told_and_not_replaced(tmp_path: Path) -> None:
    made = create(tmp_path, public_url=URL)
    (made.authority / "ca.key").unlink()
    before = contents(tmp_path)
    with pytest.raises(InstallationError, match=r"without its ca\.key"):
        create(tmp_path, public_url=URL, hosts={"nats": ["one.more"]})
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("lost", "problem"), [("ca.crt", r"holds ca\.key without its ca\.crt"), ("ca.key", r"holds ca\.crt without its ca\.key")]
)
def test_half_an_authority_is_not_replaced(tmp_path: Path, lost: str, problem: str) -> None:
    made = create(tmp_path, public_url=URL)
    (made.authority / lost).unlink()
    before = contents(tmp_path)
    with pytest.raises(InstallationError, match=problem):
        create(tmp_path, public_url=URL)
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("file", "problem"),
    [
        ("tls/files/tls.crt", "contains no certificate"),
        ("tls/authority/ca.crt", "contains no certificate"),
        ("tls/authority/ca.key", "is not a key that `create` made"),
        ("secrets/files/signing-key.pem", "contains no private key"),
    ],
)
def test_a_file_that_holds_something_else_is_told(tmp_path: Path, file: str, problem: str) -> None:
    create(tmp_path, public_url=URL)
    (tmp_path / file).write_text("something else")
    with pytest.raises(InstallationError, match=problem):
        create(tmp_path, public_url=URL)
    assert (tmp_path / file).read_text() == "something else"


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "README.md").touch()
    tmp_path.chmod(0o755)
    with pytest.raises(InstallationError, match="contains other files"):
        create(tmp_path, public_url=URL)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_an_authority_that_has_ended_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(creation, "_AUTHORITY_VALID", datetime.timedelta(seconds=-1))
    with pytest.raises(InstallationError, match="has expired"):
        for _ in range(2):
            create(tmp_path, public_url=URL)


def test_keys_are_those_that_services_read(tmp_path: Path) -> None:
    made = create(tmp_path, public_url=URL)
    trusted = json.loads(made.trusted_keys_file.read_text())
    assert set(trusted) == set(SERVICES)
    for service in SERVICES:
        Signer(service, made.secrets(service) / "signing-key.pem")
        private = load_pem_private_key((made.secrets(service) / "signing-key.pem").read_bytes(), password=None)
        assert private.public_key() == load_pem_public_key(trusted[service].encode())
    assert len(read_keys(made.secrets("tasks") / "webhook-secrets.key")) == 1


def test_secrets_have_no_newline_at_their_end_and_differ(tmp_path: Path) -> None:
    made = create(tmp_path, public_url=URL)
    databases = {made.secret(service, "database-url") for service in DATABASES}
    assert len(databases) == len(DATABASES)
    urls = [made.secret(service, "nats-url") for service in SERVICES]
    assert len(set(urls)) == len(SERVICES)
    for value in (*databases, *urls, made.secret("files", "s3-secret-key")):
        assert value is not None
        assert value == value.strip() != ""
    assert made.secret("gateway", "database-url") is None


def test_a_newline_that_an_editor_adds_to_a_secret_does_not_count(tmp_path: Path) -> None:
    made = create(tmp_path, public_url=URL)
    (made.secrets("tasks") / "nats-url").write_text("tls://tasks:of-tasks@nats:4222\n")
    (made.secrets("files") / "s3-access-key").write_text("ACCESS\r\n")
    create(tmp_path, public_url=URL)
    assert '"password": "of-tasks"' in made.nats_users_file.read_text()
    assert (made.secret("s3", "auth-key") or "").startswith('"ACCESS,')


def test_urls_are_from_templates_or_each_given(tmp_path: Path) -> None:
    made = create(
        tmp_path,
        public_url=URL,
        database_url={"tasks": "postgresql+asyncpg://t:p%40ss@db-1/own", "files": "postgresql+asyncpg://f'f:q'q@db-1/{service}"},
        nats_url="tls://{service}:{password}@a:4222,tls://{service}:{password}@b:4222",
    )
    assert made.secret("tasks", "database-url") == "postgresql+asyncpg://t:p%40ss@db-1/own"
    url = made.secret("files", "nats-url") or ""
    first, second = url.split(",")
    assert first.replace("@a:", "@b:") == second
    assert first.startswith("tls://files:")
    sql = made.databases_file.read_text()
    assert """ALTER ROLE "t" LOGIN PASSWORD 'p@ss';""" in sql
    assert """ALTER ROLE "f'f" LOGIN PASSWORD 'q''q';""" in sql
    assert """SELECT 'CREATE ROLE "f''f"' WHERE NOT EXISTS""" in sql
    assert """CREATE DATABASE "own" OWNER "t\"""" in sql


def test_nats_gets_a_user_a_service_with_its_rights(tmp_path: Path) -> None:
    made = create(tmp_path, public_url=URL)
    lines = [line.strip() for line in made.nats_users_file.read_text().splitlines() if '"user"' in line]
    users = {user["user"]: user for user in map(json.loads, lines)}
    # None is for workers on other machines.
    assert set(users) == set(SERVICES)
    assert all(f":{users[name]['password']}@" in (made.secret(name, "nats-url") or "") for name in SERVICES)
    assert "_INBOX.tasks.>" in users["tasks"]["permissions"]["subscribe"]["allow"]
    assert 'user: "operator"' in made.nats_users_file.read_text()


def test_a_service_is_told_where_its_secrets_are(tmp_path: Path) -> None:
    made = create(tmp_path, public_url=URL)
    assert made.service_environment("tasks", MOUNTED) == {
        "DARKROOM_NATS_URL_FILE": "/etc/darkroom/secrets/nats-url",
        "DARKROOM_DATABASE_URL_FILE": "/etc/darkroom/secrets/database-url",
        "DARKROOM_SIGNING_KEY_FILE": "/etc/darkroom/secrets/signing-key.pem",
        "DARKROOM_WEBHOOK_SECRETS_KEY_FILE": "/etc/darkroom/secrets/webhook-secrets.key",
        "DARKROOM_TRUSTED_KEYS_FILE": "/etc/darkroom/trusted-keys.json",
        "DARKROOM_INTERNAL_TLS_DIR": "/etc/darkroom/tls",
    }
    for service in SERVICES:
        assert all(Path(path).exists() for path in made.service_environment(service).values())


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"public_url": "pictures.example"}, "must start with http"),
        ({"namespace": "Pictures"}, "not a valid namespace"),
        ({"hosts": {"file": ["a"]}}, "there is no part 'file'"),
        ({"hosts": {"files": ["tasks"]}}, "the name of another part"),
        ({"hosts": {"files": ["bücher.example"]}}, "is neither a DNS name nor an address"),
        ({"hosts": {"files": ["one two"]}}, "is neither a DNS name nor an address"),
        ({"nats_url": "tls://me:{password}@nats:4222"}, "names the user 'me'"),
        ({"database_url": "postgresql+asyncpg://one@host/one"}, "its own database"),
        ({"database_url": {"gateway": "postgresql+asyncpg://one@host/one"}}, "gateway has no database"),
    ],
)
def test_what_cannot_be_used_is_refused_before_anything_is_written(tmp_path: Path, options: dict[str, object], problem: str) -> None:
    with pytest.raises(InstallationError, match=problem):
        create(tmp_path / "new", **{"public_url": URL, **options})
    assert not (tmp_path / "new").exists()
