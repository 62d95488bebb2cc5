-- Records a tenant's secret if it has none, and returns the recorded one. KEYS: state, secret. ARGV
-- after those of the fence: the row.
local refused = fence()
if refused then return refused end
redis.call('SET', KEYS[2], ARGV[5], 'NX')
return {'recorded', redis.call('GET', KEYS[2])}
