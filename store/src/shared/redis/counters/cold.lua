-- Makes every window that holds the moment at cold (all of them without at), and ends its warming.
local function chill(S, at)
  for w = 9, #S, 8 do
    if not at or (at >= S[w + 1] and (S[w + 2] < 0 or at < S[w + 2])) then S[w + 3], S[w + 7] = 0, 0 end
  end
end
