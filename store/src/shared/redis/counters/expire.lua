-- KEYS: epoch. ARGV: time, bound of the stream, most in one turn. Answers how many rows the stream was too full for, then id,
-- nanos and tokens of each. A draft for which there is no room stays with its call, whose id waits in the set u.
local E = epoch_of(call('GET', KEYS[1]))
local answer, late = { 0, now, E, 0 }, prefix .. 'u'
local bound = tonumber(ARGV[2])
if call('EXISTS', late) == 1 then
  local room = math.min(bound - call('XLEN', prefix .. 's'), tonumber(ARGV[3]))
  if room > 0 then
    for _, id in ipairs(call('SRANDMEMBER', late, room)) do
      local own = prefix .. 'o:' .. id
      local note = call('GET', own)
      if note and string.sub(note, 1, 1) == 'e' then
        local A = read(note, 12)
        local tail = string.sub(note, A[#A])
        if string.sub(tail, 1, 1) == 'd' then
          call('SET', own, string.sub(note, 1, A[#A] - 1) .. append(id, string.sub(tail, 2), bound), 'KEEPTTL')
        end
      end
      call('SREM', late, id)
    end
  end
end
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
    local draft = string.sub(note, A[#A])
    local tail = append(id, draft, bound)
    if tail == '' and draft ~= '' then
      tail = 'd' .. draft
      call('SADD', late, id)
      call('EXPIRE', late, 86400)
    end
    call('SET', own, 'e' .. string.sub(note, 2, A[#A] - 1) .. tail, 'EX', 86400)
    answer[#answer + 1] = id
    answer[#answer + 1] = nanos
    answer[#answer + 1] = tokens
  end
  call('ZREM', prefix .. 'd', id)
end
answer[4] = over
return answer
