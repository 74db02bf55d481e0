-- A scope is the hash c:<scope>. Field b is packed: in flight, the second of its last EXPIRE, then for requests and for tokens
-- the oldest second, the newest second and the sum, then eight values a window: unit and id, first microsecond, end (-1: none),
-- the epoch it is warm in (0: cold), spent, reserved, holds, token of its warming (0: none). Fields q0..q63 and k0..k63 are
-- requests and tokens of one second each, by the second modulo 64; h<id> is a settled call that is not recorded.
local slot = g % 64
local Q, K = 'q' .. slot, 'k' .. slot

local function load(key, rated)
  if rated then
    local v = call('HMGET', key, 'b', Q, K)
    if v[1] then return cmsgpack.unpack(v[1]), v[2] or 0, v[3] or 0 end
  else
    local b = call('HGET', key, 'b')
    if b then return cmsgpack.unpack(b), 0, 0 end
  end
  return { 0, 0, 0, 0, 0, 0, 0, 0 }, 0, 0
end

local function find(S, name)
  for w = 9, #S, 8 do
    if S[w] == name then return w end
  end
end

-- Once an hour, and when windows come: a scope that nobody asks for goes, a day after its longest window at the latest.
local function touch(key, S)
  S[2] = g
  local ends = 0
  for w = 9, #S, 8 do
    local to = S[w + 2]
    if to < 0 then to = now + 7 * 86400000000 end
    if to > ends then ends = to end
  end
  local ttl = math.max(math.ceil((ends - now) / 1000000), 7200) + 86400
  call('EXPIRE', key, ttl)
  call('ZREMRANGEBYSCORE', prefix .. 'k', '-inf', g)
  call('ZADD', prefix .. 'k', g + ttl, string.sub(key, #prefix + 3))
  call('EXPIRE', prefix .. 'k', 400 * 86400)
end

local function save(key, S, ...)
  local stale = g - S[2] >= 3600
  if stale then S[2] = g end
  call('HSET', key, 'b', cmsgpack.pack(S), ...)
  if stale then touch(key, S) end
end

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

-- Replaces what a call counted as tokens of the second s by delta more (or less); gives the field and its new value.
local function correct(key, S, s, delta)
  if s <= 0 or delta == 0 or S[8] == 0 or s < S[6] or s > S[7] then return end
  local field = 'k' .. s % 64
  local held = tonumber(call('HGET', key, field)) or 0
  if held + delta < 0 then delta = -held end
  S[8] = S[8] + delta
  if held + delta == 0 and s == S[7] and S[8] > 0 then
    -- The newest second is empty now: another one is.
    for n = s - 1, S[6], -1 do
      if tonumber(call('HGET', key, 'k' .. n % 64) or 0) > 0 then
        S[7] = n
        break
      end
    end
  end
  return field, held + delta
end
