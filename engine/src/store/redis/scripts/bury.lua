-- Removes the revision of a removed account, unless the account has a row again. KEYS: state,
-- account.
local refused = fence()
if refused then return refused end
if redis.call('HEXISTS', KEYS[2], 'row') == 1 then return {'recorded', 0} end
return {'recorded', redis.call('DEL', KEYS[2])}
