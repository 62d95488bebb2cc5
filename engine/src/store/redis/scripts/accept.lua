-- Accepts the loss of every partition. KEYS: the partitions. Answers a list with the recorded loss
-- of each, or '' for a partition without one.
local lost = {}
for at, key in ipairs(KEYS) do
  lost[at] = redis.call('HGET', key, 'lost') or ''
  redis.call('HDEL', key, 'lost')
end
return lost
