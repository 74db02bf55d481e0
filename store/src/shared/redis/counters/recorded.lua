-- KEYS: epoch. ARGV: time, then pairs of id and 1 (all that the ledger has is the draft) or 0. The ledger has these calls.
local E = epoch_of(call('GET', KEYS[1]))
local marks, entries = {}, {}
for i = 2, #ARGV, 2 do
  local id, draft = ARGV[i], ARGV[i + 1] == '1'
  local own = prefix .. 'o:' .. id
  local value = call('GET', own)
  local T = value and cmsgpack.unpack(value)
  -- A draft that was settled since is not what these counters wait for: the real row is still to come.
  if T and (T[1] == 'e' or T[1] == 's' and (not draft or T[6] == '1')) then
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
    elseif T[3] ~= '' then
      call('SET', own, cmsgpack.pack({ 'e', T[2], '', T[4], '' }), 'KEEPTTL')
    end
  end
end
for key, of in pairs(marks) do call('HDEL', key, unpack(of)) end
if #entries > 0 then call('XDEL', prefix .. 's', unpack(entries)) end
return { 0, now, E }
