-- Old code sees: its tables as they were; it goes on writing `spend`, which new code reads no more, so the two must not serve one
-- database at once. Teams and organisations, and what was spent by every scope that can have a budget.

CREATE TABLE organizations (
    name TEXT NOT NULL PRIMARY KEY,
    record TEXT NOT NULL
);

CREATE TABLE teams (
    name TEXT NOT NULL PRIMARY KEY,
    organization TEXT NOT NULL,
    record TEXT NOT NULL
);

-- What each scope (`key:ID`, `key:ID:model:NAME`, `team:NAME`, `org:NAME`) spent, by the quarter of an hour. Never pruned.
CREATE TABLE spend_by_scope (
-- only sqlite
    scope TEXT NOT NULL,
-- end
-- only postgres
    -- Scopes are searched by prefix, which needs the order of bytes whatever the database's language.
    scope TEXT COLLATE "C" NOT NULL,
-- end
    quarter BIGINT NOT NULL,
    nanos BIGINT NOT NULL,
    tokens BIGINT NOT NULL,
    PRIMARY KEY (scope, quarter)
);
INSERT INTO spend_by_scope (scope, quarter, nanos, tokens) SELECT 'key:' || key_id, quarter, nanos, tokens FROM spend;
INSERT INTO spend_by_scope (scope, quarter, nanos, tokens) SELECT 'org:default', quarter, SUM(nanos), SUM(tokens) FROM spend GROUP BY quarter;

ALTER TABLE usage_hourly ADD COLUMN organization TEXT NOT NULL DEFAULT 'default';
