-- Records one unit of one account. KEYS: state, account, devices, open, codes, then one for each
-- record. ARGV after those of the fence: id of the commit, expected revision, next revision, prefix
-- of the names of lists of actions, then the writes in order.
local refused = fence()
if refused then return refused end
local account, devices, open, codes = KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local id, expected = ARGV[5], ARGV[6]
local stored = redis.call('HMGET', account, 'revision', 'commit')
local revision = stored[1] or '0'
if stored[2] == id then return {'recorded'} end

-- Number of arguments of each kind of write.
local length = {account = 3, remove = 2, action = 7, challenge = 4, device = 2, undevice = 1, event = 1}

local at, key = 9, 6
while at <= #ARGV do
  local kind = ARGV[at]
  if kind == 'challenge' then
    local recorded = redis.call('HMGET', KEYS[key], 'end', 'row')
    if recorded[1] and recorded[1] ~= '' and recorded[1] ~= ARGV[at + 2] then
      return {'ended', recorded[2]}
    end
  end
  if kind ~= 'account' and kind ~= 'remove' then key = key + 1 end
  at = at + length[kind] + 1
end
if revision ~= expected then return {'stale', revision} end

-- Rows that are replaced or removed. The server checks their index entries later.
local before = {}
at, key = 9, 6
while at <= #ARGV do
  local kind = ARGV[at]
  if kind == 'account' then
    local old = redis.call('HMGET', account, 'indexed', 'row')
    if old[2] and old[1] ~= ARGV[at + 1] then before[#before + 1] = 'a' .. old[2] end
    redis.call('HSET', account, 'indexed', ARGV[at + 1], 'row', ARGV[at + 2], 'name', ARGV[at + 3])
  elseif kind == 'remove' then
    local old = redis.call('HGET', account, 'row')
    if old then before[#before + 1] = 'a' .. old end
    for _, device in ipairs(redis.call('SMEMBERS', devices)) do
      local row = redis.call('GET', ARGV[at + 1] .. device)
      if row then before[#before + 1] = 'd' .. row end
      redis.call('DEL', ARGV[at + 1] .. device)
    end
    for _, list in ipairs(lists(codes, ARGV[8])) do
      for _, action in ipairs(redis.call('ZRANGE', list, 0, -1)) do
        redis.call('DEL', ARGV[at + 2] .. string.sub(action, 17))
      end
      redis.call('DEL', list)
    end
    redis.call('DEL', devices, codes)
    redis.call('HDEL', account, 'indexed', 'row', 'name')
  elseif kind == 'action' then
    local old = redis.call('HMGET', KEYS[key], 'order', 'state')
    local order, code, state, px = old[1] or ARGV[at + 2], ARGV[at + 7], ARGV[at + 6], ARGV[at + 5]
    local member = order .. ARGV[at + 1]
    if old[2] and old[2] ~= state then
      redis.call('ZREM', ARGV[8] .. old[2], member)
      redis.call('ZREM', ARGV[8] .. code .. ':' .. old[2], member)
    end
    redis.call('HSET', KEYS[key], 'order', order, 'state', state, 'row', ARGV[at + 4])
    redis.call('SADD', codes, code)
    for _, list in ipairs({ARGV[8] .. state, ARGV[8] .. code .. ':' .. state}) do
      redis.call('ZADD', list, ARGV[at + 3], member)
      redis.call('PEXPIRE', list, px)
    end
    redis.call('PEXPIRE', codes, px)
    redis.call('PEXPIRE', KEYS[key], px)
  elseif kind == 'challenge' then
    redis.call('HSET', KEYS[key], 'end', ARGV[at + 2], 'row', ARGV[at + 3])
    if ARGV[at + 2] == '' then
      redis.call('SADD', open, ARGV[at + 1])
    else
      redis.call('SREM', open, ARGV[at + 1])
      redis.call('PEXPIRE', KEYS[key], ARGV[at + 4])
    end
  elseif kind == 'device' then
    local old = redis.call('GET', KEYS[key])
    if old and old ~= ARGV[at + 2] then before[#before + 1] = 'd' .. old end
    redis.call('SET', KEYS[key], ARGV[at + 2])
    redis.call('SADD', devices, ARGV[at + 1])
  elseif kind == 'event' then
    redis.call('SET', KEYS[key], ARGV[at + 1])
  elseif kind == 'undevice' then
    local old = redis.call('GET', KEYS[key])
    if old then before[#before + 1] = 'd' .. old end
    redis.call('DEL', KEYS[key])
    redis.call('SREM', devices, ARGV[at + 1])
  end
  if kind ~= 'account' and kind ~= 'remove' then key = key + 1 end
  at = at + length[kind] + 1
end
redis.call('HSET', account, 'revision', ARGV[7], 'commit', id)
return {'recorded', unpack(before)}
