-- Old code sees: nothing, it keeps no responses. Conversations that `previous_response_id` goes on with, until they expire.

-- `body` is sealed: it holds what was asked and answered.
CREATE TABLE responses (
    id TEXT NOT NULL PRIMARY KEY,
    key_id TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX responses_by_expiry ON responses (expires_at);
