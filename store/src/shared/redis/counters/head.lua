-- Every script begins with this. KEYS[1] is fluxa:{org}:epoch; further keys are made from its prefix and so have its hash
-- tag: one slot of a cluster. ARGV[1] is the time in microseconds, or empty: then it is the server's.
-- Amounts are integers below 2^53. Redis writes a number that is handed to a command with 17 digits, so they stay exact;
-- `..` would not (14 digits), so no amount is ever concatenated. Every function costs each call of its script some time even where
-- it is not used, so a script has only the parts that it needs. g is now's second, second the same as ten digits.
local call = redis.call
local prefix = string.sub(KEYS[1], 1, -6)
local now, g, second = tonumber(ARGV[1])
if now then
  g = math.floor(now / 1000000)
  second = string.format('%010.0f', g)
else
  local t = call('TIME')
  second = t[1]
  g = tonumber(second)
  now = g * 1000000 + t[2]
end

-- The epoch, made anew where it is missing: by the server's own time, so that it never equals an old one.
local function epoch_of(known)
  known = tonumber(known)
  if known then return known end
  local t = call('TIME')
  known = t[1] * 1000000 + t[2]
  call('SET', KEYS[1], string.format('%.0f', known))
  return known
end
