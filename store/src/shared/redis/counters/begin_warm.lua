-- KEYS: epoch, c:<scope>. ARGV: time, token (0: only look), then unit and id, first microsecond and end of each window.
-- Answers 1 for each window that is now warming (or cold, when only looking) and 0 for each that is warm, then two lists: the
-- unrecorded calls of the scope (id and what it charged), and the ids of all open calls.
local E = epoch_of(call('GET', KEYS[1]))
local key, token = KEYS[2], tonumber(ARGV[2])
local S = load(key)
local answer, warming = { 0, now, E }, false
for a = 3, #ARGV, 3 do
  local w = find(S, ARGV[a])
  local cold = not w or S[w + 3] ~= E
  answer[#answer + 1] = cold and 1 or 0
  if cold and token > 0 then
    warming = true
    local from, to = tonumber(ARGV[a + 1]), tonumber(ARGV[a + 2])
    if not w then
      w = #S + 1
      S[w], S[w + 5], S[w + 6] = ARGV[a], 0, 0
    end
    S[w + 1], S[w + 2], S[w + 3], S[w + 4], S[w + 7] = from, to, 0, 0, token
  end
end
local unrecorded, open = {}, {}
if warming then
  -- Windows that ended a while ago go; one that comes back is cold.
  local kept = { S[1], S[2], S[3], S[4], S[5], S[6], S[7], S[8] }
  for w = 9, #S, 8 do
    if S[w + 6] > 0 or S[w + 7] > 0 or S[w + 2] < 0 or S[w + 2] > now - 600000000 then
      for j = w, w + 7 do kept[#kept + 1] = S[j] end
    end
  end
  kept[2] = 0
  save(key, kept)
  local all = call('HGETALL', key)
  for j = 1, #all, 2 do
    if string.byte(all[j]) == 104 then
      unrecorded[#unrecorded + 1] = string.sub(all[j], 2)
      unrecorded[#unrecorded + 1] = all[j + 1]
    end
  end
  open = call('ZRANGE', prefix .. 'd', 0, -1)
end
answer[#answer + 1] = unrecorded
answer[#answer + 1] = open
return answer
