-- Old code sees: nothing of it, and what it writes is missing here. What the firewall found, by the hour (UTC), written in the
-- transaction of the rows it sums; never pruned. `requests` are calls in which the rule did this, `findings` how often.

CREATE TABLE firewall_hourly (
    hour BIGINT NOT NULL,
    rule TEXT NOT NULL,
    action TEXT NOT NULL,
    key_id TEXT NOT NULL,
    team TEXT NOT NULL,
    requests BIGINT NOT NULL,
    findings BIGINT NOT NULL,
    PRIMARY KEY (hour, rule, action, key_id, team)
);
