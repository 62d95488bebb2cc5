-- Holds the lock for longer. KEYS: state, lock. ARGV: owner, ms. It takes a lock that has expired meanwhile if
-- nobody else has been the owner since.
local holder = redis.call('GET', KEYS[2])
local owner = redis.call('HGET', KEYS[1], 'owner')
if holder and holder ~= ARGV[1] then return {'fenced'} end
if not owner or owner ~= ARGV[1] then return {'lost'} end
-- An expiry is put off where there is no memory, too.
if redis.call('PEXPIRE', KEYS[2], ARGV[2]) == 0 then
  redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
end
return {'owned'}
