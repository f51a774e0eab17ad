"""The tables of accounts: keys, people and their sessions, settings, workers."""

from alembic import op

from services.platform.audit import log as audit
from services.platform.migrations import CREATE_NEXT_ID, statements

revision = "0001"
down_revision = None

_SCHEMA = """
CREATE TABLE account (
    id bigint DEFAULT next_id() PRIMARY KEY,
    name text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    request_rate double precision,
    key_request_rate double precision,
    max_keys integer,
    max_streams integer,
    CONSTRAINT account_name_length CHECK (char_length(name) BETWEEN 1 AND 100)
);

CREATE TABLE api_key (
    id bigint DEFAULT next_id() PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES account,
    name text NOT NULL,
    prefix text NOT NULL,
    sha256 bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz,
    scopes text[],
    expires_at timestamptz,
    last_used_at timestamptz,
    creator_id bigint REFERENCES api_key,
    replaces_id bigint REFERENCES api_key,
    allowed_networks text[],
    CONSTRAINT api_key_digest_length CHECK (octet_length(sha256) = 32),
    CONSTRAINT api_key_name_length CHECK (char_length(name) BETWEEN 1 AND 100),
    CONSTRAINT api_key_networks_some CHECK (cardinality(allowed_networks) > 0),
    CONSTRAINT api_key_scopes_some CHECK (cardinality(scopes) > 0)
);

CREATE INDEX api_key_expiring ON api_key (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX api_key_of_account ON api_key (account_id, id);
CREATE INDEX api_key_revoked ON api_key (revoked_at) WHERE revoked_at IS NOT NULL;
CREATE UNIQUE INDEX api_key_by_digest ON api_key (sha256);
CREATE UNIQUE INDEX api_key_replaced_once ON api_key (replaces_id) WHERE replaces_id IS NOT NULL;

CREATE TABLE departure (
    public_id text PRIMARY KEY,
    account_id bigint NOT NULL,
    next_at timestamptz NOT NULL,
    until timestamptz NOT NULL
);

CREATE INDEX departure_due ON departure (next_at);

CREATE TABLE idempotency (
    account_id bigint NOT NULL,
    method text NOT NULL,
    key text NOT NULL,
    digest bytea NOT NULL,
    resource_ids bigint[] NOT NULL,
    expire_time timestamptz NOT NULL,
    nonce bytea NOT NULL,
    PRIMARY KEY (account_id, method, key)
);

CREATE INDEX ix_idempotency_expire_time ON idempotency (expire_time);

CREATE TABLE logo (
    account_id bigint PRIMARY KEY REFERENCES account,
    png bytea NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- Unlogged: after a crash of PostgreSQL every bucket is full, and the many updates cost no write to the log.
CREATE UNLOGGED TABLE rate_bucket (
    name text PRIMARY KEY,
    tokens double precision NOT NULL,
    filled_at timestamptz NOT NULL,
    rate double precision NOT NULL,
    burst double precision NOT NULL,
    granted integer NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE role (
    account_id bigint NOT NULL REFERENCES account,
    name text NOT NULL,
    id text NOT NULL DEFAULT CAST(gen_random_uuid() AS text),
    description text NOT NULL,
    permissions text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, name)
);

CREATE UNIQUE INDEX role_by_id ON role (id);

CREATE TABLE setting (
    account_id bigint NOT NULL REFERENCES account,
    sha256 bytea NOT NULL,
    name text NOT NULL,
    value text NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, sha256),
    CONSTRAINT setting_digest_length CHECK (octet_length(sha256) = 32)
);

CREATE TABLE sign_in_link (
    sha256 bytea PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES account,
    person_id bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    CONSTRAINT sign_in_link_digest_length CHECK (octet_length(sha256) = 32)
);

CREATE INDEX sign_in_link_expiring ON sign_in_link (expires_at);

CREATE TABLE team (
    account_id bigint NOT NULL REFERENCES account,
    id text NOT NULL,
    name text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, id)
);

CREATE UNIQUE INDEX team_by_name ON team (account_id, lower(name));

CREATE TABLE worker (
    id bigint DEFAULT next_id() PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES account,
    name text NOT NULL,
    public_key text NOT NULL,
    certificate text NOT NULL,
    certificate_expires_at timestamptz NOT NULL,
    version text NOT NULL,
    joined_at timestamptz NOT NULL DEFAULT now(),
    renewed_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz
);

CREATE UNIQUE INDEX worker_by_name ON worker (name) WHERE revoked_at IS NULL;

CREATE TABLE worker_token (
    id bigint DEFAULT next_id() PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES account,
    name text,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    request_sha256 bytea,
    worker_id bigint REFERENCES worker,
    CONSTRAINT worker_token_digest_length CHECK (octet_length(request_sha256) = 32)
);

CREATE INDEX worker_token_expiring ON worker_token (expires_at);

CREATE TABLE person (
    id bigint DEFAULT next_id() PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES account,
    public_id text NOT NULL DEFAULT CAST(gen_random_uuid() AS text),
    name text NOT NULL,
    password_hash text NOT NULL,
    role text NOT NULL,
    team_id text NOT NULL,
    must_change boolean NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    analytics_enabled boolean,
    analytics_asked_at timestamptz,
    analytics_remind_at timestamptz,
    CONSTRAINT person_team_fkey FOREIGN KEY (account_id, team_id) REFERENCES team (account_id, id)
);

CREATE UNIQUE INDEX person_by_name ON person (account_id, name);
CREATE UNIQUE INDEX person_by_public_id ON person (public_id);

CREATE TABLE person_key (
    id bigint DEFAULT next_id() PRIMARY KEY,
    public_id text NOT NULL DEFAULT CAST(gen_random_uuid() AS text),
    person_id bigint REFERENCES person ON DELETE SET NULL,
    name text NOT NULL,
    sha256 bytea NOT NULL,
    permissions text[],
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    last_used_at timestamptz,
    ended_at timestamptz,
    refreshed_at timestamptz,
    CONSTRAINT person_key_digest_length CHECK (octet_length(sha256) = 32),
    CONSTRAINT person_key_permissions_some CHECK (cardinality(permissions) > 0)
);

CREATE INDEX person_key_ended ON person_key (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX person_key_expiring ON person_key (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX person_key_of_person ON person_key (person_id);
CREATE INDEX person_key_refreshed ON person_key (refreshed_at) WHERE refreshed_at IS NOT NULL;
CREATE UNIQUE INDEX person_key_by_digest ON person_key (sha256);
CREATE UNIQUE INDEX person_key_by_public_id ON person_key (public_id);

CREATE TABLE session (
    id bigint DEFAULT next_id() PRIMARY KEY,
    person_id bigint REFERENCES person ON DELETE SET NULL,
    sha256 bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    refreshed_at timestamptz,
    by_link boolean NOT NULL DEFAULT false,
    CONSTRAINT session_digest_length CHECK (octet_length(sha256) = 32)
);

CREATE INDEX session_ended ON session (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX session_expiring ON session (expires_at);
CREATE INDEX session_of_person ON session (person_id);
CREATE INDEX session_refreshed ON session (refreshed_at) WHERE refreshed_at IS NOT NULL;
CREATE UNIQUE INDEX session_by_digest ON session (sha256);
"""


def upgrade() -> None:
    for statement in (
        CREATE_NEXT_ID,
        audit.CREATE_TABLE,
        *audit.CREATE_INDEXES,
        audit.CREATE_COUNTING_INDEX,
        *statements(_SCHEMA),
    ):
        op.execute(statement)
