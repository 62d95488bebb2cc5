-- Replaces the row of an event that still exists, or removes the event. KEYS: state, event. ARGV
-- after those of the fence: the new row, or '' to remove it.
local refused = fence()
if refused then return refused end
if ARGV[5] == '' then
  redis.call('DEL', KEYS[2])
elseif redis.call('EXISTS', KEYS[2]) == 1 then
  redis.call('SET', KEYS[2], ARGV[5])
end
return {'recorded'}
