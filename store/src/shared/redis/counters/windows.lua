-- What calls do to the windows of a scope. s is a scope of a packed ask: name, rpm, tpm, concurrency (-1: none), then unit and
-- id, first microsecond, end and limit of each budget. The first letter of unit and id is n for nano-dollars, t for tokens.
local function amount(name, nanos, tokens)
  if string.byte(name) == 110 then return nanos end
  return tokens
end

-- Gives back what an open call holds.
local function give_back(S, s, nanos, tokens)
  if S[1] > 0 then S[1] = S[1] - 1 end
  for b = 5, #s, 4 do
    local w = find(S, s[b])
    if w and S[w + 6] > 0 then
      S[w + 5] = S[w + 5] - amount(s[b], nanos, tokens)
      S[w + 6] = S[w + 6] - 1
    end
  end
end

-- Adds to every window that holds the moment at; of one that is warming, spent is what came since. A cold one does not mind.
local function charge(S, at, nanos, tokens)
  for w = 9, #S, 8 do
    if at >= S[w + 1] and (S[w + 2] < 0 or at < S[w + 2]) then S[w + 4] = S[w + 4] + amount(S[w], nanos, tokens) end
  end
end

-- Makes every window that holds the moment at cold (all of them without at), and ends its warming.
local function chill(S, at)
  for w = 9, #S, 8 do
    if not at or (at >= S[w + 1] and (S[w + 2] < 0 or at < S[w + 2])) then S[w + 3], S[w + 7] = 0, 0 end
  end
end
