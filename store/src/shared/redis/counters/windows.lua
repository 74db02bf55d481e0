-- What calls do to the windows of a scope S. A is an ask, p the place of the scope's name in it.

-- Gives back what an open call holds.
local function give_back(S, A, p)
  if S[1] > 0 then S[1] = S[1] - 1 end
  for b = p + 5, p + 1 + 4 * A[p + 4], 4 do
    local w = find(S, A[b])
    if w and S[w + 6] > 0 then
      S[w + 5] = S[w + 5] - amount(A[b], A[2], A[3])
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
