-- Begins a store in a Redis that holds none. KEYS: store, state of layout 1, then each partition.
-- ARGV: id of the store, layout, format of the rows, mode. Answers 'begun' or 'held'.
if redis.call('EXISTS', KEYS[1], KEYS[2]) > 0 then return 'held' end
for at = 3, #KEYS do
  redis.call('HSET', KEYS[at], 'guard', '', 'seq', '0', 'history', '', 'format', ARGV[3])
end
redis.call('HSET', KEYS[1], 'id', ARGV[1], 'layout', ARGV[2], 'mode', ARGV[4], 'format', ARGV[3])
-- A program that knows layout 1 alone reads this, and refuses the store.
redis.call('HSET', KEYS[2], 'layout', ARGV[2])
return 'begun'
