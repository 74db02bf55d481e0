-- KEYS: epoch. ARGV: time, scope, ids. Answers how many of the calls are not known any more, then id and moment of those that
-- count in the scope.
local E = epoch_of(call('GET', KEYS[1]))
local answer, gone = { 0, now, E, 0 }, 0
for i = 3, #ARGV do
  local value = call('GET', prefix .. 'o:' .. ARGV[i])
  local T = value and cmsgpack.unpack(value)
  if T and T[4] ~= '' then
    local A = cmsgpack.unpack(T[4])
    for _, s in ipairs(A[6]) do
      if s[1] == ARGV[2] then
        answer[#answer + 1] = ARGV[i]
        answer[#answer + 1] = A[1]
      end
    end
  elseif not T then
    gone = gone + 1
  end
end
answer[4] = gone
return answer
