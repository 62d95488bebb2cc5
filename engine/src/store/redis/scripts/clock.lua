-- Records the highest time. KEYS: state, clock. ARGV after those of the fence: the time in
-- milliseconds. The row is a format number, a colon and the time. A row of an unknown format is an
-- error, so that it is not overwritten.
local refused = fence()
if refused then return refused end
local row = redis.call('GET', KEYS[2])
local before = row and string.match(row, '^1:(%d+)$')
if row and not before then return redis.error_reply('ERR the recorded time has an unknown format') end
if not before or tonumber(ARGV[5]) > tonumber(before) then
  redis.call('SET', KEYS[2], '1:' .. ARGV[5])
end
return {'recorded', before or ARGV[5]}
