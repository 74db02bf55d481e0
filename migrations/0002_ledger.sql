-- Old code sees: nothing, it has no ledger. One row a call, and the sums that outlive the rows.

-- `id` is a UUIDv7 as 16 bytes, so its order is the order of time and no other index is needed for that. The row itself is
-- JSON; only what is searched for has a column. `request_id` is null where it is the id's own text.
CREATE TABLE ledger (
    id BYTEA NOT NULL PRIMARY KEY,
    request_id TEXT,
    key_id TEXT NOT NULL,
    team TEXT NOT NULL,
    model TEXT NOT NULL,
    provider TEXT NOT NULL,
    status BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    stream BIGINT NOT NULL,
    abandoned BIGINT NOT NULL,
    entry TEXT NOT NULL
-- only sqlite
);
-- end
-- only postgres
) PARTITION BY RANGE (id);
-- A partition a week is made ahead of time and dropped whole; this one takes what belongs to none, so that no row is ever refused.
CREATE TABLE ledger_rest PARTITION OF ledger DEFAULT;
-- end
CREATE INDEX ledger_by_key ON ledger (key_id, id);
CREATE INDEX ledger_by_request ON ledger (request_id, id) WHERE request_id IS NOT NULL;

-- Sums by the hour (UTC), written in the transaction of the rows they sum; never pruned.
CREATE TABLE usage_hourly (
    hour BIGINT NOT NULL,
    key_id TEXT NOT NULL,
    team TEXT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    key_name TEXT NOT NULL,
    requests BIGINT NOT NULL,
    errors BIGINT NOT NULL,
    unpriced_requests BIGINT NOT NULL,
    estimated_requests BIGINT NOT NULL,
    cost_nanos BIGINT NOT NULL,
    input_uncached BIGINT NOT NULL,
    cache_read BIGINT NOT NULL,
    cache_write_5m BIGINT NOT NULL,
    cache_write_1h BIGINT NOT NULL,
    output BIGINT NOT NULL,
    reasoning BIGINT NOT NULL,
    input_audio BIGINT NOT NULL,
    output_audio BIGINT NOT NULL,
    images BIGINT NOT NULL,
    searches BIGINT NOT NULL,
    PRIMARY KEY (hour, key_id, team, provider, model)
);

-- The same sums by tag; `tag` is `name=value`, and a call counts under each of its tags.
CREATE TABLE usage_tags_hourly (
    hour BIGINT NOT NULL,
    tag TEXT NOT NULL,
    requests BIGINT NOT NULL,
    errors BIGINT NOT NULL,
    unpriced_requests BIGINT NOT NULL,
    estimated_requests BIGINT NOT NULL,
    cost_nanos BIGINT NOT NULL,
    input_uncached BIGINT NOT NULL,
    cache_read BIGINT NOT NULL,
    cache_write_5m BIGINT NOT NULL,
    cache_write_1h BIGINT NOT NULL,
    output BIGINT NOT NULL,
    reasoning BIGINT NOT NULL,
    input_audio BIGINT NOT NULL,
    output_audio BIGINT NOT NULL,
    images BIGINT NOT NULL,
    searches BIGINT NOT NULL,
    PRIMARY KEY (hour, tag)
);

-- What each key spent, by the quarter of an hour: every time zone's midnight is a boundary of these, so the sum of any
-- day, week or month is exact. Never pruned, so that deleting raw rows cannot make a budget forget.
CREATE TABLE spend (
    key_id TEXT NOT NULL,
    quarter BIGINT NOT NULL,
    nanos BIGINT NOT NULL,
    tokens BIGINT NOT NULL,
    PRIMARY KEY (key_id, quarter)
);
