-- Records that a partition lacks acknowledged commits. KEYS: partition. ARGV: the most commits that
-- it can lack, the time in ms. Answers {'noted', most commits, since}, or {'absent'}.
if redis.call('EXISTS', KEYS[1]) == 0 then return {'absent'} end
local most, since = string.match(redis.call('HGET', KEYS[1], 'lost') or '', '^(%d+) (%d+)$')
if not most or tonumber(most) < tonumber(ARGV[1]) then most = ARGV[1] end
since = since or ARGV[2]
redis.call('HSET', KEYS[1], 'lost', most .. ' ' .. since)
return {'noted', most, since}
