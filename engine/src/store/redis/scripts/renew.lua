-- Extends the lock. KEYS: state, lock. ARGV: owner, lifetime of the lock in ms. If the lock has
-- expired, it is taken again, provided that the state still names this owner.
local holder = redis.call('GET', KEYS[2])
local owner = redis.call('HGET', KEYS[1], 'owner')
if holder and holder ~= ARGV[1] then return {'fenced'} end
if not owner or owner ~= ARGV[1] then return {'lost'} end
-- Redis accepts PEXPIRE even if it has no memory.
if redis.call('PEXPIRE', KEYS[2], ARGV[2]) == 0 then
  redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
end
return {'owned'}
