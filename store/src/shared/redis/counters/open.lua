-- KEYS: epoch. ARGV: time. Answers three things: the scopes, the open calls (id, nanos, tokens, scopes), and how many rows wait.
local E = epoch_of(call('GET', KEYS[1]))
local open = {}
for _, id in ipairs(call('ZRANGE', prefix .. 'd', 0, -1)) do
  local value = call('GET', prefix .. 'o:' .. id)
  if value then
    local A = cmsgpack.unpack(cmsgpack.unpack(value)[4])
    local names = {}
    for i, s in ipairs(A[6]) do names[i] = s[1] end
    open[#open + 1] = { id, A[2], A[3], names }
  end
end
return { 0, now, E, call('ZRANGE', prefix .. 'k', 0, -1), open, call('XLEN', prefix .. 's') }
