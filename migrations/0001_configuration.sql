-- Old code sees: nothing, this is the first migration. Configuration, audit log and settings.
--
-- One text for both engines: ids and JSON are TEXT, numbers, moments (microseconds) and booleans (0 or 1) are BIGINT.

-- The number of the configuration. Every change updates this row first, which also puts changes in a line.
CREATE TABLE revision (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    value BIGINT NOT NULL
);
INSERT INTO revision (id, value) VALUES (1, 0);

-- `record` is the provider without its secrets; `secrets` is sealed (AES-256-GCM, bound to this row and column).
CREATE TABLE providers (
    name TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    record TEXT NOT NULL,
    secrets TEXT NOT NULL
);

CREATE TABLE routes (
    model TEXT NOT NULL PRIMARY KEY,
    record TEXT NOT NULL
);

CREATE TABLE virtual_keys (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    team TEXT NOT NULL,
    enabled BIGINT NOT NULL,
    record TEXT NOT NULL
);

-- The hashes that open a key: the current one (`closes_at` is null) and rotated ones until their grace ends.
CREATE TABLE key_doors (
    hash TEXT NOT NULL PRIMARY KEY,
    key_id TEXT NOT NULL REFERENCES virtual_keys (id) ON DELETE CASCADE,
    closes_at BIGINT
);
CREATE INDEX key_doors_by_key ON key_doors (key_id);

-- Prices that were added to the built-in table; only ever appended to.
CREATE TABLE prices (
    seq BIGINT NOT NULL PRIMARY KEY,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    valid_from BIGINT NOT NULL,
    record TEXT NOT NULL
);

CREATE TABLE settings (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

-- Append-only; `before` and `after` hold no secrets.
CREATE TABLE audit (
    seq BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    role TEXT NOT NULL,
    ip TEXT,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    before_json TEXT,
    after_json TEXT,
    revision BIGINT NOT NULL
);
