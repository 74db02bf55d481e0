-- KEYS: epoch. ARGV: time, bound of the stream, most in one turn. Answers how many rows the stream was too full for, then id,
-- nanos and tokens of each.
local E = epoch_of(call('GET', KEYS[1]))
local answer = { 0, now, E, 0 }
for _, id in ipairs(call('ZRANGEBYSCORE', prefix .. 'd', '-inf', now, 'LIMIT', 0, ARGV[3])) do
  local own = prefix .. 'o:' .. id
  local note = call('GET', own)
  if note and string.sub(note, 1, 1) == 'o' then
    local A = read(note, 12)
    local at, nanos, tokens, p = A[1], A[2], A[3], 7
    local charged = string.format('%.0f %.0f %.0f', at, nanos, tokens)
    for i = 1, A[6] do
      local key = prefix .. 'c:' .. A[p]
      local S = load(key)
      give_back(S, A, p)
      charge(S, at, nanos, tokens)
      save(key, S, 'h' .. id, charged)
      p = p + 5 + 4 * A[p + 4]
    end
    local entry = append(id, string.sub(note, A[#A]), tonumber(ARGV[2]))
    call('SET', own, 'e' .. string.sub(note, 2, A[#A] - 1) .. entry, 'EX', 86400)
    answer[#answer + 1] = id
    answer[#answer + 1] = nanos
    answer[#answer + 1] = tokens
  end
  call('ZREM', prefix .. 'd', id)
end
answer[4] = over
return answer
