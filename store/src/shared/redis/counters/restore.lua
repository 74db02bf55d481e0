-- KEYS: epoch. ARGV: time, deadline, then id, packed ask and draft of each. Reserves again what was forgotten, whatever the limits
-- say; its rates were counted when it came. Answers 2 (again), or 1 where it is known after all.
local E = epoch_of(call('GET', KEYS[1]))
local answer = { 0, now, E }
for a = 3, #ARGV, 3 do
  local id, own = ARGV[a], prefix .. 'o:' .. ARGV[a]
  if call('EXISTS', own) == 1 then
    call('ZADD', prefix .. 'd', 'XX', ARGV[2], id)
    answer[#answer + 1] = call('ZSCORE', prefix .. 'd', id) and 0 or 1
  else
    local A = cmsgpack.unpack(ARGV[a + 1])
    for _, s in ipairs(A[6]) do
      local key = prefix .. 'c:' .. s[1]
      local S = load(key, false)
      S[1] = S[1] + 1
      for b = 5, #s, 4 do
        local w = find(S, s[b])
        if not w then
          w = #S + 1
          S[w], S[w + 1], S[w + 2], S[w + 3], S[w + 4], S[w + 5], S[w + 6], S[w + 7] = s[b], s[b + 1], s[b + 2], 0, 0, 0, 0, 0
        end
        S[w + 5] = S[w + 5] + amount(s[b], A[2], A[3])
        S[w + 6] = S[w + 6] + 1
      end
      save(key, S)
    end
    call('SET', own, cmsgpack.pack({ 'o', 0, '', ARGV[a + 1], ARGV[a + 2] }), 'EX', 86400)
    call('ZADD', prefix .. 'd', ARGV[2], id)
    answer[#answer + 1] = 2
  end
end
return answer
