-- Goes before every script that writes. KEYS[1] is the state of the store; ARGV: owner, its epoch, this
-- attempt, the last one that was acknowledged.
local function fence()
  local state = redis.call('HMGET', KEYS[1], 'owner', 'epoch', 'attempt')
  if not state[1] then return {'lost'} end
  local epoch, mine = tonumber(state[2]), tonumber(ARGV[2])
  local stored, attempt = tonumber(state[3]), tonumber(ARGV[3])
  if epoch < mine then return {'lost'} end
  if state[1] ~= ARGV[1] then return {'fenced'} end
  if stored < tonumber(ARGV[4]) then return {'lost'} end
  -- Another attempt of the same server has overtaken this one: what it asked for is settled.
  if stored > attempt then return {'late'} end
  -- The first write, and one that a server without memory refuses: then nothing else is written.
  redis.call('HSET', KEYS[1], 'attempt', ARGV[3])
  return nil
end
