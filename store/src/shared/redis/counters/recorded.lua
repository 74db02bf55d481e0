-- KEYS: epoch. ARGV: time, ids. The ledger has these calls.
local E = epoch_of(call('GET', KEYS[1]))
local marks, entries = {}, {}
for i = 2, #ARGV do
  local id = ARGV[i]
  local own = prefix .. 'o:' .. id
  local value = call('GET', own)
  local T = value and cmsgpack.unpack(value)
  if T and (T[1] == 's' or T[1] == 'e') then
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
