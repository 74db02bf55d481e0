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
      local value = call('GET', own)
      local T = value and cmsgpack.unpack(value)
      if T and T[1] == 'e' and T[5] ~= '' then
        call('SET', own, cmsgpack.pack({ 'e', T[2], append(id, T[5], bound), T[4], '' }), 'KEEPTTL')
      end
      call('SREM', late, id)
    end
  end
end
for _, id in ipairs(call('ZRANGEBYSCORE', prefix .. 'd', '-inf', now, 'LIMIT', 0, ARGV[3])) do
  local own = prefix .. 'o:' .. id
  local value = call('GET', own)
  local T = value and cmsgpack.unpack(value)
  if T and T[1] == 'o' then
    local A = cmsgpack.unpack(T[4])
    local at, nanos, tokens = A[1], A[2], A[3]
    local charged = string.format('%.0f %.0f %.0f', at, nanos, tokens)
    for _, s in ipairs(A[6]) do
      local key = prefix .. 'c:' .. s[1]
      local S = load(key, false)
      give_back(S, s, nanos, tokens)
      charge(S, at, nanos, tokens)
      save(key, S, 'h' .. id, charged)
    end
    local entry, draft = append(id, T[5], bound), ''
    if entry == '' and T[5] ~= '' then
      draft = T[5]
      call('SADD', late, id)
      call('EXPIRE', late, 86400)
    end
    call('SET', own, cmsgpack.pack({ 'e', T[2], entry, T[4], draft }), 'EX', 86400)
    answer[#answer + 1] = id
    answer[#answer + 1] = nanos
    answer[#answer + 1] = tokens
  end
  call('ZREM', prefix .. 'd', id)
end
answer[4] = over
return answer
