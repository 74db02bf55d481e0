-- Appends a row to the stream, unless it is full: then the row's owner alone has it. Gives the entry's id.
local over = 0
local function append(id, row, bound)
  if row == '' then return '' end
  local stream = prefix .. 's'
  if call('XLEN', stream) >= bound then
    over = over + 1
    return ''
  end
  local entry = '*'
  if ARGV[1] ~= '' then entry = string.format('%.0f-*', math.floor(now / 1000)) end
  return call('XADD', stream, entry, 'i', id, 'j', row)
end
