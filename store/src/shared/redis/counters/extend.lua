-- KEYS: epoch. ARGV: time, deadline, ids. Answers 0 (extended), 1 (ended) or 2 (not known) for each.
local E = epoch_of(call('GET', KEYS[1]))
local answer, moved = { 0, now, E }, {}
for i = 3, #ARGV do
  local id = ARGV[i]
  if call('ZSCORE', prefix .. 'd', id) then
    moved[#moved + 1] = ARGV[2]
    moved[#moved + 1] = id
    answer[i + 1] = 0
  else
    answer[i + 1] = call('EXISTS', prefix .. 'o:' .. id) == 1 and 1 or 2
  end
end
if #moved > 0 then call('ZADD', prefix .. 'd', unpack(moved)) end
return answer
