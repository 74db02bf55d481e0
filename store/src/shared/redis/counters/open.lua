-- KEYS: epoch. ARGV: time. Answers three things: the scopes, the open calls (id, nanos, tokens, scopes), and how many rows wait.
local E = epoch_of(call('GET', KEYS[1]))
local open = {}
for _, id in ipairs(call('ZRANGE', prefix .. 'd', 0, -1)) do
  local note = call('GET', prefix .. 'o:' .. id)
  if note then
    local A, names, p = read(note, 12), {}, 7
    for i = 1, A[6] do
      names[i] = A[p]
      p = p + 5 + 4 * A[p + 4]
    end
    open[#open + 1] = { id, A[2], A[3], names }
  end
end
return { 0, now, E, call('ZRANGE', prefix .. 'k', 0, -1), open, call('XLEN', prefix .. 's') }
