-- KEYS: epoch, c:<scope>. ARGV: time, and anything for the unrecorded calls too. Answers nothing more when nothing is known,
-- else in flight, requests, tokens, id and charge of each of those calls, then unit and id, spent and reserved of each warm window.
local E = epoch_of(call('GET', KEYS[1]))
if call('HEXISTS', KEYS[2], 'b') == 0 then return { 0, now, E } end
local S = load(KEYS[2])
local _, q_left = slide(KEYS[2], S, 3, 'q')
local _, k_left = slide(KEYS[2], S, 6, 'k')
if q_left or k_left then save(KEYS[2], S) end
local ids = {}
if ARGV[2] then
  local fields = call('HGETALL', KEYS[2])
  for i = 1, #fields, 2 do
    if string.byte(fields[i]) == 104 then
      ids[#ids + 1] = string.sub(fields[i], 2)
      ids[#ids + 1] = fields[i + 1]
    end
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
