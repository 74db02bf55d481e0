-- KEYS: epoch. ARGV: time, then id and, where the ledger has no more than its draft, 1. The ledger has these calls.
local E = epoch_of(call('GET', KEYS[1]))
local marks, entries = {}, {}
for i = 2, #ARGV, 2 do
  local id, draft = ARGV[i], ARGV[i + 1] == '1'
  local own = prefix .. 'o:' .. id
  local note = call('GET', own)
  local state = note and string.sub(note, 1, 1)
  if state == 'o' and not draft then
    -- Nobody will settle it any more (there was no room to wait for an answer, or the server that answered is gone). It is given
    -- back, and its charge is read from the ledger; a settle that comes after all finds a call that is not known.
    local A, p = read(note, 12), 7
    for j = 1, A[6] do
      local key = prefix .. 'c:' .. A[p]
      local S = load(key)
      give_back(S, A, p)
      chill(S, A[1])
      save(key, S)
      p = p + 5 + 4 * A[p + 4]
    end
    call('ZREM', prefix .. 'd', id)
    call('DEL', own)
  elseif state == 'e' or state == 's' and not draft then
    local A, p = read(note, 12), 7
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
    local entry = string.match(note, '^%d.*', A[#A])
    if entry then entries[#entries + 1] = entry end
    if state == 's' then
      call('DEL', own)
    elseif A[#A] <= #note then
      call('SET', own, string.sub(note, 1, A[#A] - 1), 'KEEPTTL')
    end
  end
end
for key, of in pairs(marks) do call('HDEL', key, unpack(of)) end
if #entries > 0 then call('XDEL', prefix .. 's', unpack(entries)) end
return { 0, now, E }
