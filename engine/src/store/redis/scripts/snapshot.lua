-- Reads an account with its devices and open challenges in one step. KEYS: account, devices, open.
-- ARGV: prefix of the names of devices, prefix of the names of challenges.
local account = redis.call('HMGET', KEYS[1], 'revision', 'row')
local devices, challenges = {}, {}
for _, id in ipairs(redis.call('SMEMBERS', KEYS[2])) do
  devices[#devices + 1] = redis.call('GET', ARGV[1] .. id)
end
for _, id in ipairs(redis.call('SMEMBERS', KEYS[3])) do
  challenges[#challenges + 1] = redis.call('HGET', ARGV[2] .. id, 'row')
end
return {account[1], account[2], devices, challenges}
