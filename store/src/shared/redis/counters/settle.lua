-- KEYS: epoch, o:<id>. ARGV: time, id, packed ask of the settlement (its moment and scopes, for a call that is not known), row,
-- bound of the stream, nanos, tokens, tokens for the rate, whether the charge is that of the draft (1).
local got = call('MGET', KEYS[1], KEYS[2])
local E = epoch_of(got[1])
local id, bound = ARGV[2], tonumber(ARGV[5])
local nanos, tokens, rate_tokens = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local state, second, entry, packed = 'u', 0, '', ARGV[3]
if got[2] then
  local T = cmsgpack.unpack(got[2])
  state, second, entry, packed = T[1], T[2], T[3], T[4]
  if state == 's' or state == 'x' then return { 1, now, E, 0 } end
end
local A = cmsgpack.unpack(packed)
local at, held_nanos, held_tokens, scopes = A[1], A[2], A[3], A[6]
local delta = rate_tokens - (A[4] > 0 and A[4] or 0)
local mark, charged = 'h' .. id, string.format('%.0f %.0f %.0f', at, nanos, tokens)
for i = 1, #scopes do
  local s = scopes[i]
  local key = prefix .. 'c:' .. s[1]
  local S = load(key, false)
  local field, value
  if state == 'o' then
    give_back(S, s, held_nanos, held_tokens)
    charge(S, at, nanos, tokens)
    if s[3] >= 0 then field, value = correct(key, S, second, delta) end
  elseif state == 'e' and call('HEXISTS', key, mark) == 1 then
    charge(S, at, nanos - held_nanos, tokens - held_tokens)
    if s[3] >= 0 then field, value = correct(key, S, second, delta) end
  else
    -- The ledger may have a row of it or not: whoever warms next compares by id.
    chill(S, at)
  end
  if field then
    save(key, S, mark, charged, field, value)
  else
    save(key, S, mark, charged)
  end
end
if state == 'o' then call('ZREM', prefix .. 'd', id) end
if entry ~= '' then call('XDEL', prefix .. 's', entry) end
entry = append(id, ARGV[4], bound)
call('SET', KEYS[2], cmsgpack.pack({ 's', second, entry, packed, '', ARGV[9] }), 'EX', 86400)
local code = 0
if state == 'e' then code = 2 elseif state == 'u' then code = 3 end
return { code, now, E, over }
