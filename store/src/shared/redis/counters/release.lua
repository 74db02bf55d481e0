-- KEYS: epoch, o:<id>. ARGV: time, id. The tombstone is o:<id> itself, for two minutes.
local got = call('MGET', KEYS[1], KEYS[2])
local E = epoch_of(got[1])
local id, note = ARGV[2], got[2]
local state = note and string.sub(note, 1, 1)
if state == 's' then return { 0, now, E } end
if state == 'o' or state == 'e' then
  local A = read(note, 12)
  local at, nanos, tokens, p = A[1], A[2], A[3], 7
  local counted = tonumber(string.sub(note, 2, 11))
  local mark, nothing = 'h' .. id, string.format('%.0f 0 0', at)
  for i = 1, A[6] do
    local key = prefix .. 'c:' .. A[p]
    local S = load(key)
    local field, value
    if A[p + 2] >= 0 then field, value = correct(key, S, counted, -A[4]) end
    if field then call('HSET', key, field, value) end
    if state == 'o' then
      give_back(S, A, p)
      save(key, S)
    else
      if call('HEXISTS', key, mark) == 1 then charge(S, at, -nanos, -tokens) else chill(S, at) end
      save(key, S, mark, nothing)
    end
    p = p + 5 + 4 * A[p + 4]
  end
  call('ZREM', prefix .. 'd', id)
  if state == 'e' then
    local entry = string.match(note, '^%d.*', A[#A])
    if entry then call('XDEL', prefix .. 's', entry) end
    -- Its draft may be in the ledger: it stays among the unrecorded with no charge, as a late settle would leave it.
    call('SET', KEYS[2], 's' .. string.sub(note, 2, A[#A] - 1), 'EX', 86400)
    return { 0, now, E }
  end
end
call('SET', KEYS[2], 'x', 'EX', 120)
return { 0, now, E }
