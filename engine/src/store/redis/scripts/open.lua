-- Opens a partition on a new connection. A new epoch begins if the partition was last opened on
-- another Redis process, or if the lock was taken. KEYS: store, partition. ARGV: token of the
-- server, name of a new epoch, this Redis process, '1' if the lock was just taken.
-- Answers {'opened', guard, sequence, history, lost or ''}, {'absent'}, or {'other', …} with the
-- same values if another server is the owner; then nothing is changed. The history is a list of
-- 'epoch:base' with a space after each; the base is the sequence found at its begin.
local owner = redis.call('HGET', KEYS[1], 'owner')
local found = redis.call('HMGET', KEYS[2], 'guard', 'seq', 'history', 'lost')
if not owner or not found[2] then return {'absent'} end
local guard, history = found[1], found[3] or ''
if owner ~= ARGV[1] then return {'other', guard, found[2], history, found[4] or ''} end
if ARGV[4] == '1' or string.sub(guard, 18) ~= ARGV[3] then
  guard = ARGV[2] .. ' ' .. ARGV[3]
  history = history .. ARGV[2] .. ':' .. found[2] .. ' '
  local _, count = string.gsub(history, ' ', '')
  if count > 64 then history = string.sub(history, string.find(history, ' ', 1, true) + 1) end
  redis.call('HSET', KEYS[2], 'guard', guard, 'history', history)
end
return {'opened', guard, found[2], history, found[4] or ''}
