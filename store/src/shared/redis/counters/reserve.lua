-- KEYS: epoch, o:<id>, c:<scope> of each scope. ARGV: time, id, deadline, note with ask and draft.
local got = call('MGET', KEYS[1], KEYS[2])
local E = epoch_of(got[1])
local A = read(ARGV[4], 12)
local nanos, tokens, rate_tokens, counts, count = A[2], A[3], A[4], A[5], A[6]
local again = false
if got[2] then
  local state = string.sub(got[2], 1, 1)
  if state ~= 'o' then return { 3, now, E, state } end
  again = true
end

-- What is known of each scope; windows that are cold.
local known, cold, p = {}, {}, 7
for i = 1, count do
  local budgets, S, one = A[p + 4]
  if A[p + 1] >= 0 or A[p + 2] >= 0 then
    S, one = rated(KEYS[2 + i])
  else
    S, one = load(KEYS[2 + i]), {}
  end
  one[1], known[i] = S, one
  if not again then
    for b = p + 5, p + 1 + 4 * budgets, 4 do
      local w = find(S, A[b])
      if w and S[w + 3] == E then
        A[b + 1] = w
      else
        cold[#cold + 1] = i
        cold[#cold + 1] = (b - p - 5) / 4
      end
    end
  end
  p = p + 5 + 4 * budgets
end

-- Nothing is changed, but what left a rate has left.
local function keep()
  for i = 1, count do
    if known[i][8] then save(KEYS[2 + i], known[i][1]) end
  end
end

local rpm, tpm
local function granted()
  if not rpm and not tpm then return { 0, now, E } end
  rpm, tpm = rpm or { -1, 0, 0 }, tpm or { -1, 0, 0 }
  return { 0, now, E, rpm[1], rpm[2], rpm[3], tpm[1], tpm[2], tpm[3] }
end

if again then
  keep()
  p = 7
  for i = 1, count do
    rpm, tpm = tighter(rpm, A[p + 1], known[i][1], 3), tighter(tpm, A[p + 2], known[i][1], 6)
    p = p + 5 + 4 * A[p + 4]
  end
  return granted()
end
if #cold > 0 then
  keep()
  return { 2, now, E, unpack(cold) }
end

-- The first limit that refuses, budgets first: they are the answer that a retry cannot change.
p = 7
for i = 1, count do
  local S = known[i][1]
  local what, retry, budget, spent, reserved = 0, -1, 0, 0, 0
  local last, least, unit = p + 1 + 4 * A[p + 4]
  for b = p + 5, last, 4 do
    local w = A[b + 1]
    local left = A[b + 3] - S[w + 4] - S[w + 5]
    local wanted = amount(A[b], nanos, tokens)
    -- What costs nothing cannot overspend.
    if wanted > 0 and wanted > left and (not unit or unit == string.byte(A[b])) then
      unit = string.byte(A[b])
      if not least or left < least then
        least, what, budget, spent, reserved = left, 1, (b - p - 5) / 4, S[w + 4], S[w + 5]
      end
    end
  end
  if what == 0 then
    local requests, most, together = A[p + 1], A[p + 2], A[p + 3]
    if together >= 0 and S[1] >= together then
      what, retry = 2, 1
    elseif requests >= 0 and counts == 1 and S[5] >= requests then
      what, retry = 3, retry_after(KEYS[2 + i], S, 3, 'q', requests, 1)
    elseif most >= 0 and rate_tokens > 0 and S[8] + rate_tokens > most then
      what, retry = 4, retry_after(KEYS[2 + i], S, 6, 'k', most, rate_tokens)
    end
  end
  if what > 0 then
    keep()
    rpm, tpm = tighter(nil, A[p + 1], S, 3) or { -1, 0, 0 }, tighter(nil, A[p + 2], S, 6) or { -1, 0, 0 }
    return { 1, now, E, i - 1, what, retry, budget, spent, reserved, rpm[1], rpm[2], rpm[3], tpm[1], tpm[2], tpm[3] }
  end
  p = last + 4
end

p = 7
for i = 1, count do
  local key, one, requests, most = KEYS[2 + i], known[i], A[p + 1], A[p + 2]
  local S, last = one[1], p + 1 + 4 * A[p + 4]
  S[1] = S[1] + 1
  for b = p + 5, last, 4 do
    local w = A[b + 1]
    S[w + 5] = S[w + 5] + amount(A[b], nanos, tokens)
    S[w + 6] = S[w + 6] + 1
  end
  if requests < 0 and most < 0 then
    save(key, S)
  else
    local q_field, q_held, k_field, k_held
    if requests >= 0 and counts == 1 then q_field, q_held = add(key, S, 3, 'q', 1, one[4], one[2], one[6]) end
    if most >= 0 and rate_tokens > 0 then k_field, k_held = add(key, S, 6, 'k', rate_tokens, one[5], one[3], one[7]) end
    if q_field and k_field then
      save(key, S, q_field, q_held, k_field, k_held)
    elseif q_field then
      save(key, S, q_field, q_held)
    elseif k_field then
      save(key, S, k_field, k_held)
    else
      save(key, S)
    end
    rpm, tpm = tighter(rpm, requests, S, 3), tighter(tpm, most, S, 6)
  end
  p = last + 4
end
local note = ARGV[4]
if tpm then note = 'o' .. second .. string.sub(note, 12) end
call('SET', KEYS[2], note, 'EX', 86400)
call('ZADD', prefix .. 'd', ARGV[3], ARGV[2])
return granted()
