-- Forgets the actions of one account that were tracked before a time. KEYS: state, actions. ARGV after those
-- of the fence: the time, and what the names of actions start with.
local refused = fence()
if refused then return refused end
local gone = 0
for _, action in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', '(' .. ARGV[5])) do
  gone = gone + redis.call('DEL', ARGV[6] .. string.sub(action, 17))
end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', '(' .. ARGV[5])
return {'recorded', gone}
