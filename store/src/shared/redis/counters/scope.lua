-- A scope is the hash c:<scope>. Field b is the number of its windows (a byte) and a list: in flight, the second of its last EXPIRE,
-- then for requests and for tokens the oldest second, the newest second and the sum, then eight values a window: unit and id, first
-- microsecond, end (-1: none), the epoch it is warm in (0: cold), spent, reserved, holds, token of its warming (0: none). Fields
-- q0..q63 and k0..k63 are requests and tokens of one second each, by the second modulo 64; h<id> is a settled call that is not
-- recorded. Numbers are doubles: `struct` reads and writes them in half the time of `cmsgpack`, and nearly all scopes have one window.
local function unpacked(b)
  local windows, S = string.byte(b)
  if windows == 1 then
    S = { struct.unpack('<ddddddddsddddddd', b, 2) }
  else
    S = { struct.unpack('<dddddddd' .. string.rep('sddddddd', windows), b, 2) }
  end
  S[#S] = nil
  return S
end

local function load(key)
  local b = call('HGET', key, 'b')
  if b then return unpacked(b) end
  return { 0, 0, 0, 0, 0, 0, 0, 0 }
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
  local windows, b = (#S - 8) / 8
  if windows == 1 then
    b = struct.pack('<Bddddddddsddddddd', 1, unpack(S))
  else
    b = struct.pack('<Bdddddddd' .. string.rep('sddddddd', windows), windows, unpack(S))
  end
  call('HSET', key, 'b', b, ...)
  if stale then touch(key, S) end
end
