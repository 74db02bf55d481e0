-- The note of a call, o:<id>: a letter for its state (o open, e expired, s settled, x released), then (but for x) the second in
-- which its tokens were counted for a rate as ten digits (zeros: none), the ask, and to its end: the draft while it is open, later
-- the stream entry of its row (which begins with a digit), or the letter d and a draft that found no room there.
-- An ask is `struct`'s format of itself, a zero, and by that format: at, nanos, tokens, rate tokens, counts, number of scopes, then of
-- each scope: name, rpm, tpm, concurrency (-1: none), number of budgets, then of each budget: unit and id, first microsecond, end
-- and limit. It is read as one flat list; the place after the ask comes last.
local function read(text, from)
  local format, at = struct.unpack('s', text, from)
  return { struct.unpack(format, text, at) }
end
