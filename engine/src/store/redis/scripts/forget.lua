-- Removes the actions of one account that were tracked before a time. KEYS: state, codes. ARGV
-- after those of the fence: the time, prefix of the names of actions, prefix of the names of lists
-- of actions.
local refused = fence()
if refused then return refused end
local gone = 0
for _, list in ipairs(lists(KEYS[2], ARGV[7])) do
  for _, action in ipairs(redis.call('ZRANGEBYSCORE', list, '-inf', '(' .. ARGV[5])) do
    gone = gone + redis.call('DEL', ARGV[6] .. string.sub(action, 17))
  end
  redis.call('ZREMRANGEBYSCORE', list, '-inf', '(' .. ARGV[5])
end
return {'recorded', gone}
