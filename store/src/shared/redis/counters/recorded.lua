-- KEYS: epoch. ARGV: time, then id and, where the ledger has no more than its draft, 1. The ledger has these calls.
local E = epoch_of(call('GET', KEYS[1]))
local marks, entries = {}, {}
for i = 2, #ARGV, 2 do
  local id, draft = ARGV[i], ARGV[i + 1] == '1'
  local own = prefix .. 'o:' .. id
  local value = call('GET', own)
  local T = value and cmsgpack.unpack(value)
  if T and T[1] == 'o' and not draft then
    -- Nobody will settle it any more (there was no room to wait for an answer, or the server that answered is gone). It is given
    -- back, and its charge is read from the ledger; a settle that comes after all finds a call that is not known.
    local A = cmsgpack.unpack(T[4])
    for _, s in ipairs(A[6]) do
      local key = prefix .. 'c:' .. s[1]
      local S = load(key, false)
      give_back(S, s, A[2], A[3])
      chill(S, A[1])
      save(key, S)
    end
    call('ZREM', prefix .. 'd', id)
    call('DEL', own)
  elseif T and (T[1] == 'e' or T[1] == 's' and not draft) then
    local A = cmsgpack.unpack(T[4])
    for _, s in ipairs(A[6]) do
      local key = prefix .. 'c:' .. s[1]
      local of = marks[key]
      if not of then
        of = {}
        marks[key] = of
      end
      of[#of + 1] = 'h' .. id
      if T[1] == 'e' and call('HEXISTS', key, 'h' .. id) == 1 then
        -- The ledger's row may be the real one, of which these counters never heard.
        local S = load(key, false)
        chill(S, A[1])
        save(key, S)
      end
    end
    if T[3] ~= '' then entries[#entries + 1] = T[3] end
    if T[1] == 's' then
      call('DEL', own)
    elseif T[3] ~= '' or T[5] ~= '' then
      call('SET', own, cmsgpack.pack({ 'e', T[2], '', T[4], '' }), 'KEEPTTL')
    end
  end
end
for key, of in pairs(marks) do call('HDEL', key, unpack(of)) end
if #entries > 0 then call('XDEL', prefix .. 's', unpack(entries)) end
return { 0, now, E }
