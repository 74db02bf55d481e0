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
