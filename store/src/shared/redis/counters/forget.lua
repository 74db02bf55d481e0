-- KEYS: epoch, c:<scope>. ARGV: time. Besides b and the 128 seconds there are only unrecorded calls in the hash.
local E = epoch_of(call('GET', KEYS[1]))
local S = load(KEYS[2])
local may_go = S[1] == 0 and call('HLEN', KEYS[2]) <= 129
if may_go then
  for _, field in ipairs(call('HKEYS', KEYS[2])) do
    if string.byte(field) == 104 then may_go = false end
  end
end
if may_go then
  call('DEL', KEYS[2])
  call('ZREM', prefix .. 'k', string.sub(KEYS[2], #prefix + 3))
end
return { 0, now, E }
