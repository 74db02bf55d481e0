-- KEYS: epoch. ARGV: time, deadline, then id, and note with ask and draft of each. Reserves again what was forgotten, whatever the limits
-- say; its rates were counted when it came. Answers 2 (again), or 1 where it is known after all.
local E = epoch_of(call('GET', KEYS[1]))
local answer = { 0, now, E }
for a = 3, #ARGV, 2 do
  local id, own = ARGV[a], prefix .. 'o:' .. ARGV[a]
  if call('EXISTS', own) == 1 then
    call('ZADD', prefix .. 'd', 'XX', ARGV[2], id)
    answer[#answer + 1] = call('ZSCORE', prefix .. 'd', id) and 0 or 1
  else
    local A, p = read(ARGV[a + 1], 12), 7
    for i = 1, A[6] do
      local key = prefix .. 'c:' .. A[p]
      local S = load(key)
      S[1] = S[1] + 1
      for b = p + 5, p + 1 + 4 * A[p + 4], 4 do
        local w = find(S, A[b])
        if not w then
          w = #S + 1
          S[w], S[w + 1], S[w + 2], S[w + 3], S[w + 4], S[w + 5], S[w + 6], S[w + 7] = A[b], A[b + 1], A[b + 2], 0, 0, 0, 0, 0
        end
        S[w + 5] = S[w + 5] + amount(A[b], A[2], A[3])
        S[w + 6] = S[w + 6] + 1
      end
      save(key, S)
      p = p + 5 + 4 * A[p + 4]
    end
    call('SET', own, ARGV[a + 1], 'EX', 86400)
    call('ZADD', prefix .. 'd', ARGV[2], id)
    answer[#answer + 1] = 2
  end
end
return answer
