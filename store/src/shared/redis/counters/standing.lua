-- KEYS: epoch, c:<scope>. ARGV: time, and anything for the ids of the unrecorded calls too. Answers nothing more when nothing is
-- known, else in flight, requests, tokens, the ids, then unit and id, spent and reserved of each warm window.
local E = epoch_of(call('GET', KEYS[1]))
if call('HEXISTS', KEYS[2], 'b') == 0 then return { 0, now, E } end
local S = load(KEYS[2])
local _, q_left = slide(KEYS[2], S, 3, 'q')
local _, k_left = slide(KEYS[2], S, 6, 'k')
if q_left or k_left then save(KEYS[2], S) end
local ids = {}
if ARGV[2] then
  for _, field in ipairs(call('HKEYS', KEYS[2])) do
    if string.byte(field) == 104 then ids[#ids + 1] = string.sub(field, 2) end
  end
end
local answer = { 0, now, E, S[1], S[5], S[8], ids }
for w = 9, #S, 8 do
  if S[w + 3] == E then
    answer[#answer + 1] = S[w]
    answer[#answer + 1] = S[w + 4]
    answer[#answer + 1] = S[w + 5]
  end
end
return answer
