-- Removes members from one index. KEYS: state, index. ARGV after those of the fence: the members.
local refused = fence()
if refused then return refused end
for at = 5, #ARGV do redis.call('ZREM', KEYS[2], ARGV[at]) end
return {'recorded'}
