-- KEYS: epoch. ARGV: time, ids. The ledger has these calls.
local E = epoch_of(call('GET', KEYS[1]))
local marks, entries = {}, {}
for i = 2, #ARGV do
  local id = ARGV[i]
  local own = prefix .. 'o:' .. id
  local note = call('GET', own)
  local state = note and string.sub(note, 1, 1)
  if state == 's' or state == 'e' then
    local A, p = read(note, 12), 7
    local entry = string.sub(note, A[#A])
    for j = 1, A[6] do
      local key = prefix .. 'c:' .. A[p]
      local of = marks[key]
      if not of then
        of = {}
        marks[key] = of
      end
      of[#of + 1] = 'h' .. id
      if state == 'e' and call('HEXISTS', key, 'h' .. id) == 1 then
        -- The ledger's row may be the real one, of which these counters never heard.
        local S = load(key)
        chill(S, A[1])
        save(key, S)
      end
      p = p + 5 + 4 * A[p + 4]
    end
    if entry ~= '' then entries[#entries + 1] = entry end
    if state == 's' then
      call('DEL', own)
    elseif entry ~= '' then
      call('SET', own, string.sub(note, 1, A[#A] - 1), 'KEEPTTL')
    end
  end
end
for key, of in pairs(marks) do call('HDEL', key, unpack(of)) end
if #entries > 0 then call('XDEL', prefix .. 's', unpack(entries)) end
return { 0, now, E }
