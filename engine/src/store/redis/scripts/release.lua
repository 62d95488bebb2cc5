-- Releases the lock, if this server holds it. KEYS: lock. ARGV: token of the server. Answers
-- {'released'}.
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return {'released'}
