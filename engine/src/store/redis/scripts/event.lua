-- Puts an event off, or takes it out. KEYS: state, event. ARGV after those of the fence: its row, or nothing.
local refused = fence()
if refused then return refused end
if ARGV[5] == '' then
  redis.call('DEL', KEYS[2])
elseif redis.call('EXISTS', KEYS[2]) == 1 then
  redis.call('SET', KEYS[2], ARGV[5])
end
return {'recorded'}
