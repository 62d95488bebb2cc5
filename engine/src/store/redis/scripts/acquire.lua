-- Takes ownership of the store for a server that starts. KEYS: state, lock. ARGV: owner, lifetime
-- of the lock in ms, id for a new store, layout of the keys, '1' if a new store may be created.
local holder = redis.call('GET', KEYS[2])
if holder and holder ~= ARGV[1] then return {'held'} end
local layout = redis.call('HGET', KEYS[1], 'layout')
if layout and layout ~= ARGV[4] then return {'layout', layout} end
if not layout and ARGV[5] ~= '1' then return {'absent'} end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
redis.call('HSET', KEYS[1], 'layout', ARGV[4], 'owner', ARGV[1])
local fresh = redis.call('HSETNX', KEYS[1], 'id', ARGV[3])
redis.call('HSETNX', KEYS[1], 'attempt', '0')
local epoch = redis.call('HINCRBY', KEYS[1], 'epoch', 1)
local state = redis.call('HMGET', KEYS[1], 'id', 'attempt')
return {'owned', state[1], tostring(epoch), state[2], fresh}
