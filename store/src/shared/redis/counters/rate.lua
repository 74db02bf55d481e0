-- Rates as a reservation needs them. i is where a rate begins in S: 3 for requests, 6 for tokens.

-- The state of a scope whose rates are needed, and: what this second has of both, the seconds that count as the current ones,
-- whether these are new, and whether something left.
local function rated(key)
  local slot = g % 64
  local v = call('HMGET', key, 'b', 'q' .. slot, 'k' .. slot)
  local S = v[1] and unpacked(v[1]) or { 0, 0, 0, 0, 0, 0, 0, 0 }
  local q_new, k_new, q_newest, k_newest = S[5] == 0, S[8] == 0, S[4], S[7]
  local q_at, q_left = slide(key, S, 3, 'q')
  local k_at, k_left = slide(key, S, 6, 'k')
  return S, { S, v[2] or 0, v[3] or 0, q_at, k_at, q_new or q_at > q_newest, k_new or k_at > k_newest, q_left or k_left }
end

local function seconds(s)
  local left = math.ceil(s + 61 - now / 1000000)
  if left < 1 then left = 1 elseif left > 61 then left = 61 end
  return left
end

-- The standing with less left: the one that is known, or that of this limit (-1: none).
local function tighter(known, limit, S, i)
  if limit < 0 then return known end
  local remaining = limit - S[i + 2]
  if remaining < 0 then remaining = 0 end
  if known and remaining >= known[2] then return known end
  return { limit, remaining, S[i + 2] > 0 and seconds(S[i + 1]) or 0 }
end

local function retry_after(key, S, i, p, limit, need)
  if need > limit then return 60 end
  local left, room, fields = S[i + 2], limit - need, {}
  if left <= room then return 1 end
  for s = S[i], S[i + 1] do fields[#fields + 1] = p .. s % 64 end
  for j, v in ipairs(call('HMGET', key, unpack(fields))) do
    if v then left = left - v end
    if left <= room then return seconds(S[i] + j - 1) end
  end
  return 1
end

-- Counts n in the second that counts as the current one; gives its field and the field's new value.
local function add(key, S, i, p, n, current, held, new)
  if S[i + 2] == 0 then S[i] = current end
  S[i + 1], S[i + 2] = current, S[i + 2] + n
  local field = p .. current % 64
  if new then held = 0 elseif current ~= g then held = call('HGET', key, field) or 0 end
  return field, held + n
end
