-- Returns the names of all lists of actions that an account may have: one for each state, and one
-- for each pair of code and state.
local function lists(codes, prefix)
  local names = {}
  for state = 1, 8 do names[#names + 1] = prefix .. state end
  for _, code in ipairs(redis.call('SMEMBERS', codes)) do
    for state = 1, 8 do names[#names + 1] = prefix .. code .. ':' .. state end
  end
  return names
end
