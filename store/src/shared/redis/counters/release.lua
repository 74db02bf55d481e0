-- KEYS: epoch, o:<id>. ARGV: time, id. The tombstone is o:<id> itself, for two minutes.
local got = call('MGET', KEYS[1], KEYS[2])
local E = epoch_of(got[1])
local id = ARGV[2]
local T = got[2] and cmsgpack.unpack(got[2])
if T and T[1] == 's' then return { 0, now, E } end
local A = T and T[4] and T[4] ~= '' and cmsgpack.unpack(T[4])
if A then
  local at, nanos, tokens, scopes = A[1], A[2], A[3], A[6]
  local delta = -(A[4] > 0 and A[4] or 0)
  local mark, nothing = 'h' .. id, string.format('%.0f 0 0', at)
  for i = 1, #scopes do
    local s = scopes[i]
    local key = prefix .. 'c:' .. s[1]
    local S = load(key, false)
    local field, value
    if s[3] >= 0 then field, value = correct(key, S, T[2], delta) end
    if field then call('HSET', key, field, value) end
    if T[1] == 'o' then
      give_back(S, s, nanos, tokens)
      save(key, S)
    else
      if call('HEXISTS', key, mark) == 1 then charge(S, at, -nanos, -tokens) else chill(S, at) end
      save(key, S, mark, nothing)
    end
  end
  call('ZREM', prefix .. 'd', id)
  if T[3] ~= '' then call('XDEL', prefix .. 's', T[3]) end
  if T[1] == 'e' then
    -- Its draft may be in the ledger: it stays among the unrecorded with no charge, as a late settle would leave it.
    call('SET', KEYS[2], cmsgpack.pack({ 's', T[2], '', T[4], '' }), 'EX', 86400)
    return { 0, now, E }
  end
end
call('SET', KEYS[2], cmsgpack.pack({ 'x', 0, '', '', '' }), 'EX', 120)
return { 0, now, E }
