-- KEYS: epoch. ARGV: time, scopes; without any, a new epoch makes everything cold.
local E = epoch_of(call('GET', KEYS[1]))
if #ARGV == 1 then
  local t = call('TIME')
  local fresh = t[1] * 1000000 + t[2]
  if fresh <= E then fresh = E + 1 end
  call('SET', KEYS[1], string.format('%.0f', fresh))
  E = fresh
end
for i = 2, #ARGV do
  local key = prefix .. 'c:' .. ARGV[i]
  if call('EXISTS', key) == 1 then
    local S = load(key)
    chill(S)
    save(key, S)
  end
end
return { 0, now, E }
