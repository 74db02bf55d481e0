-- The first letter of unit and id is n for nano-dollars, t for tokens.
local function amount(name, nanos, tokens)
  if string.byte(name) == 110 then return nanos end
  return tokens
end
