-- Takes ownership again after Redis has lost this server's ownership. KEYS: state, lock. ARGV:
-- owner, lifetime of the lock in ms, id of the store, layout of the keys, the owner's epoch.
local holder = redis.call('GET', KEYS[2])
if holder and holder ~= ARGV[1] then return {'fenced'} end
local state = redis.call('HMGET', KEYS[1], 'id', 'epoch', 'owner')
if state[1] and state[1] ~= ARGV[3] then return {'foreign'} end
local epoch, mine = tonumber(state[2] or '0'), tonumber(ARGV[5])
if epoch > mine or (epoch == mine and state[3] ~= ARGV[1]) then return {'fenced'} end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
redis.call('HSET', KEYS[1], 'id', ARGV[3], 'layout', ARGV[4], 'owner', ARGV[1], 'epoch', ARGV[5])
redis.call('HSETNX', KEYS[1], 'attempt', '0')
return {'owned', redis.call('HGET', KEYS[1], 'attempt')}
