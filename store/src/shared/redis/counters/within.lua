-- KEYS: epoch. ARGV: time, scope, ids. Answers how many of the calls are not known any more, then id and moment of those that
-- count in the scope.
local E = epoch_of(call('GET', KEYS[1]))
local answer, gone = { 0, now, E, 0 }, 0
for i = 3, #ARGV do
  local note = call('GET', prefix .. 'o:' .. ARGV[i])
  if note and note ~= 'x' then
    local A, p = read(note, 12), 7
    for j = 1, A[6] do
      if A[p] == ARGV[2] then
        answer[#answer + 1] = ARGV[i]
        answer[#answer + 1] = A[1]
      end
      p = p + 5 + 4 * A[p + 4]
    end
  elseif not note then
    gone = gone + 1
  end
end
answer[4] = gone
return answer
