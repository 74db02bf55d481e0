-- Old code sees: nothing, it has no ledger. One row a call, and the sums that outlive the rows.

CREATE TABLE ledger (
    id TEXT NOT NULL PRIMARY KEY,
    request_id TEXT NOT NULL,
    at BIGINT NOT NULL,
    key_id TEXT NOT NULL,
    key_name TEXT NOT NULL,
    team TEXT NOT NULL,
    tags TEXT NOT NULL,
    model TEXT NOT NULL,
    provider TEXT NOT NULL,
    upstream_model TEXT NOT NULL,
    dialect_in TEXT NOT NULL,
    dialect_out TEXT NOT NULL,
    op TEXT NOT NULL,
    stream BIGINT NOT NULL,
    status BIGINT NOT NULL,
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
    usage_state TEXT NOT NULL,
    cost_nanos BIGINT NOT NULL,
    cost_state TEXT NOT NULL,
    price_version TEXT NOT NULL,
    ttfb_ms BIGINT,
    latency_ms BIGINT NOT NULL,
    attempts TEXT NOT NULL,
    finish TEXT NOT NULL,
    error TEXT NOT NULL,
    client_closed BIGINT NOT NULL,
    abandoned BIGINT NOT NULL,
    request_body TEXT,
    response_body TEXT
);
CREATE INDEX ledger_by_time ON ledger (at, id);
CREATE INDEX ledger_by_key ON ledger (key_id, at, id);
CREATE INDEX ledger_by_request ON ledger (request_id, at);

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
