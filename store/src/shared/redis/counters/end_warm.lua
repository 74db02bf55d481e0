-- KEYS: epoch, c:<scope>. ARGV: time, token, epoch of the beginning, then unit and id and base of each window. Answers how many
-- windows are still not warm: somebody else began to warm them, or they were made cold.
local E = epoch_of(call('GET', KEYS[1]))
local key, token = KEYS[2], tonumber(ARGV[2])
local S = load(key)
local missed = 0
for a = 4, #ARGV, 2 do
  local w = find(S, ARGV[a])
  if w and S[w + 7] == token and E == tonumber(ARGV[3]) then
    S[w + 3], S[w + 4], S[w + 7] = E, S[w + 4] + tonumber(ARGV[a + 1]), 0
  elseif not w or S[w + 3] ~= E then
    missed = missed + 1
  end
end
save(key, S)
return { 0, now, E, missed }
