-- KEYS: epoch, o:<id>, c:<scope> of each scope. ARGV: time, id, deadline, packed ask, draft.
local got = call('MGET', KEYS[1], KEYS[2])
local E = epoch_of(got[1])
local A = cmsgpack.unpack(ARGV[4])
local at, nanos, tokens, rate_tokens, counts, scopes = A[1], A[2], A[3], A[4], A[5], A[6]
if rate_tokens < 0 then rate_tokens = 0 end
local again = false
if got[2] then
  local state = cmsgpack.unpack(got[2])[1]
  if state ~= 'o' then return { 3, now, E, state } end
  again = true
end

local function seconds(s)
  local left = math.ceil(s + 61 - now / 1000000)
  if left < 1 then left = 1 elseif left > 61 then left = 61 end
  return left
end

local function rate(S, i, limit)
  local remaining = limit - S[i + 2]
  if remaining < 0 then remaining = 0 end
  local reset = 0
  if S[i + 2] > 0 then reset = seconds(S[i + 1]) end
  return limit, remaining, reset
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

-- What is known of each scope; windows that are cold.
local known, cold = {}, {}
for i = 1, #scopes do
  local s, key = scopes[i], KEYS[2 + i]
  local rated = s[2] >= 0 or s[3] >= 0
  local S, q, k = load(key, rated)
  local q_at, k_at, q_new, k_new, q_left, k_left = g, g, true, true, false, false
  if rated then
    q_new, k_new = S[5] == 0, S[8] == 0
    local q_newest, k_newest = S[4], S[7]
    q_at, q_left = slide(key, S, 3, 'q')
    k_at, k_left = slide(key, S, 6, 'k')
    q_new, k_new = q_new or q_at > q_newest, k_new or k_at > k_newest
  end
  known[i] = { S, q, k, q_at, k_at, q_new, k_new, q_left or k_left }
  if not again then
    for b = 5, #s, 4 do
      local w = find(S, s[b])
      if w and S[w + 3] == E then
        s[b + 1] = w
      else
        cold[#cold + 1] = i
        cold[#cold + 1] = (b - 5) / 4
      end
    end
  end
end

-- Nothing is changed, but what left a rate has left.
local function keep()
  for i = 1, #scopes do
    if known[i][8] then save(KEYS[2 + i], known[i][1]) end
  end
end

local rpm, tpm = { -1, 0, 0 }, { -1, 0, 0 }
local function standing(s, S)
  if s[2] >= 0 then
    local limit, remaining, reset = rate(S, 3, s[2])
    if rpm[1] < 0 or remaining < rpm[2] then rpm = { limit, remaining, reset } end
  end
  if s[3] >= 0 then
    local limit, remaining, reset = rate(S, 6, s[3])
    if tpm[1] < 0 or remaining < tpm[2] then tpm = { limit, remaining, reset } end
  end
end

local function granted()
  return { 0, now, E, rpm[1], rpm[2], rpm[3], tpm[1], tpm[2], tpm[3] }
end

if again then
  keep()
  for i = 1, #scopes do standing(scopes[i], known[i][1]) end
  return granted()
end
if #cold > 0 then
  keep()
  return { 2, now, E, unpack(cold) }
end

-- The first limit that refuses, budgets first: they are the answer that a retry cannot change.
for i = 1, #scopes do
  local s, S = scopes[i], known[i][1]
  local what, retry, budget, spent, reserved = 0, -1, 0, 0, 0
  local least, unit
  for b = 5, #s, 4 do
    local w = s[b + 1]
    local left = s[b + 3] - S[w + 4] - S[w + 5]
    local wanted = amount(s[b], nanos, tokens)
    -- What costs nothing cannot overspend.
    if wanted > 0 and wanted > left and (not unit or unit == string.byte(s[b])) then
      unit = string.byte(s[b])
      if not least or left < least then
        least, what, budget, spent, reserved = left, 1, (b - 5) / 4, S[w + 4], S[w + 5]
      end
    end
  end
  if what == 0 then
    if s[4] >= 0 and S[1] >= s[4] then
      what, retry = 2, 1
    elseif s[2] >= 0 and counts == 1 and S[5] >= s[2] then
      what, retry = 3, retry_after(KEYS[2 + i], S, 3, 'q', s[2], 1)
    elseif s[3] >= 0 and rate_tokens > 0 and S[8] + rate_tokens > s[3] then
      what, retry = 4, retry_after(KEYS[2 + i], S, 6, 'k', s[3], rate_tokens)
    end
  end
  if what > 0 then
    keep()
    standing(s, S)
    return { 1, now, E, i - 1, what, retry, budget, spent, reserved, rpm[1], rpm[2], rpm[3], tpm[1], tpm[2], tpm[3] }
  end
end

local function add(key, S, i, p, n, current, held, new)
  if S[i + 2] == 0 then S[i] = current end
  S[i + 1], S[i + 2] = current, S[i + 2] + n
  local field = p .. current % 64
  if new then held = 0 elseif current ~= g then held = call('HGET', key, field) or 0 end
  return field, held + n
end

for i = 1, #scopes do
  local s, key, one = scopes[i], KEYS[2 + i], known[i]
  local S = one[1]
  S[1] = S[1] + 1
  for b = 5, #s, 4 do
    local w = s[b + 1]
    S[w + 5] = S[w + 5] + amount(s[b], nanos, tokens)
    S[w + 6] = S[w + 6] + 1
  end
  local q_field, q_held, k_field, k_held
  if s[2] >= 0 and counts == 1 then q_field, q_held = add(key, S, 3, 'q', 1, one[4], one[2], one[6]) end
  if s[3] >= 0 and rate_tokens > 0 then k_field, k_held = add(key, S, 6, 'k', rate_tokens, one[5], one[3], one[7]) end
  if q_field and k_field then
    save(key, S, q_field, q_held, k_field, k_held)
  elseif q_field then
    save(key, S, q_field, q_held)
  elseif k_field then
    save(key, S, k_field, k_held)
  else
    save(key, S)
  end
  standing(s, S)
end
call('SET', KEYS[2], cmsgpack.pack({ 'o', g, '', ARGV[4], ARGV[5] }), 'EX', 86400)
call('ZADD', prefix .. 'd', ARGV[3], ARGV[2])
return granted()
