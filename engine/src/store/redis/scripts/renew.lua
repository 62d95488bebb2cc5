-- Extends the lock. KEYS: store, lock. ARGV: token of the server, lifetime of the lock in ms. A
-- lock that has expired is taken again if no other server took it meanwhile.
-- Answers {'owned'}, {'fenced'} or {'absent'}.
local owner = redis.call('HGET', KEYS[1], 'owner')
if not owner then return {'absent'} end
if owner ~= ARGV[1] then return {'fenced'} end
-- Redis accepts PEXPIRE even if it has no memory.
if redis.call('PEXPIRE', KEYS[2], ARGV[2]) == 0 then
  redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
end
return {'owned'}
