-- Seconds count for 60 to 61 seconds, never less than 60. Gives the second that counts as the current one (a clock that steps
-- back stands still), and whether something left. i is where the rate begins in S, p its fields' prefix.
local function slide(key, S, i, p)
  if S[i + 2] == 0 then return g, false end
  local o, n = S[i], S[i + 1]
  local at = g
  if n > at then at = n end
  local first = at - 60
  if o >= first then return at, false end
  local last = first - 1
  if last > n then last = n end
  local fields = {}
  for s = o, last do fields[#fields + 1] = p .. s % 64 end
  local left = S[i + 2]
  for _, v in ipairs(call('HMGET', key, unpack(fields))) do
    if v then left = left - v end
  end
  call('HDEL', key, unpack(fields))
  S[i], S[i + 2] = first, left
  return at, true
end
