-- Takes the lock for a server that starts. KEYS: store, lock, state of layout 1. ARGV: token of the
-- server, lifetime of the lock in ms, layout, format of the rows, mode.
-- Answers {'owned', id of the store}, {'held'}, {'absent'}, {'old'}, {'layout', layout, format}, or
-- {'mode', mode}.
local store = redis.call('HMGET', KEYS[1], 'id', 'layout', 'format', 'mode')
if not store[1] then return {redis.call('EXISTS', KEYS[3]) == 1 and 'old' or 'absent'} end
if store[2] ~= ARGV[3] or store[3] ~= ARGV[4] then return {'layout', store[2], store[3]} end
if store[4] ~= ARGV[5] then return {'mode', store[4] or ''} end
local holder = redis.call('GET', KEYS[2])
if holder and holder ~= ARGV[1] then return {'held'} end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
redis.call('HSET', KEYS[1], 'owner', ARGV[1])
return {'owned', store[1]}
