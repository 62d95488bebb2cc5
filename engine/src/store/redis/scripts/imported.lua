-- Ends an import: from now on servers use the store. KEYS: store. ARGV: token of the server, mode.
-- Answers {'imported'}, {'fenced'} or {'absent'}.
local owner = redis.call('HGET', KEYS[1], 'owner')
if not owner then return {'absent'} end
if owner ~= ARGV[1] then return {'fenced'} end
redis.call('HSET', KEYS[1], 'mode', ARGV[2])
return {'imported'}
