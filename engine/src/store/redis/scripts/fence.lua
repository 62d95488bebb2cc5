-- Precedes every script that writes, and checks that the caller may write. KEYS[1] is the state of
-- the store. ARGV: owner, its epoch, the number of this attempt, the number of the latest
-- acknowledged attempt.
local function fence()
  local state = redis.call('HMGET', KEYS[1], 'owner', 'epoch', 'attempt')
  if not state[1] then return {'lost'} end
  local epoch, mine = tonumber(state[2]), tonumber(ARGV[2])
  local stored, attempt = tonumber(state[3]), tonumber(ARGV[3])
  if epoch < mine then return {'lost'} end
  if state[1] ~= ARGV[1] then return {'fenced'} end
  if stored < tonumber(ARGV[4]) then return {'lost'} end
  -- A later attempt of the same server is recorded already, so this one is refused.
  if stored > attempt then return {'late'} end
  -- This is the first write. If Redis has no memory, it refuses this write, and the script writes
  -- nothing.
  redis.call('HSET', KEYS[1], 'attempt', ARGV[3])
  return nil
end
