-- Old code sees: nothing of it. The firewall's rules of the operator's own, and its policies.

CREATE TABLE firewall_rules (
    name TEXT NOT NULL PRIMARY KEY,
    record TEXT NOT NULL
);

CREATE TABLE firewall_policies (
    name TEXT NOT NULL PRIMARY KEY,
    record TEXT NOT NULL
);
