-- KEYS: epoch, o:<id>. ARGV: time, id, note with an ask of its moment and scopes (for a call that is not known), row, the numbers
-- (at, nanos, tokens, tokens for the rate, bound of the stream), and the first three of them as text.
local got = call('MGET', KEYS[1], KEYS[2])
local E = epoch_of(got[1])
local id, note = ARGV[2], got[2]
local given, nanos, tokens, rate_tokens, bound = struct.unpack('<ddddd', ARGV[5])
local state, A, kept, counted, delta, entry
if note then
  state = string.sub(note, 1, 1)
  if state == 's' or state == 'x' then return { 1, now, E, 0 } end
  A = read(note, 12)
  kept = string.sub(note, 2, A[#A] - 1)
  if state == 'e' then entry = string.match(note, '^%d.*', A[#A]) end
  counted, delta = tonumber(string.sub(note, 2, 11)), rate_tokens - A[4]
else
  A = read(ARGV[3], 12)
  kept = string.sub(ARGV[3], 2)
end
local at, p = A[1], 7
local mark, charged = 'h' .. id, ARGV[6]
if at ~= given then charged = string.format('%.0f %.0f %.0f', at, nanos, tokens) end
for i = 1, A[6] do
  local key, most = prefix .. 'c:' .. A[p], A[p + 2]
  local S = load(key)
  local field, value
  if state == 'o' then
    give_back(S, A, p)
    charge(S, at, nanos, tokens)
    if most >= 0 then field, value = correct(key, S, counted, delta) end
  elseif state == 'e' and call('HEXISTS', key, mark) == 1 then
    charge(S, at, nanos - A[2], tokens - A[3])
    if most >= 0 then field, value = correct(key, S, counted, delta) end
  else
    -- The ledger may have a row of it or not: whoever warms next compares by id.
    chill(S, at)
  end
  if field then
    save(key, S, mark, charged, field, value)
  else
    save(key, S, mark, charged)
  end
  p = p + 5 + 4 * A[p + 4]
end
if state == 'o' then call('ZREM', prefix .. 'd', id) end
if entry then call('XDEL', prefix .. 's', entry) end
kept = 's' .. kept .. append(id, ARGV[4], bound)
if state then
  call('SET', KEYS[2], kept, 'KEEPTTL')
else
  call('SET', KEYS[2], kept, 'EX', 86400)
end
local code = 0
if state == 'e' then code = 2 elseif not state then code = 3 end
return { code, now, E, over }
