-- Records a group of units, each of them whole or not at all.
--
-- KEYS: for each unit the state of its partition, and its record: the account's hash, the event's
-- hash, or the key of secrets or of the clock. ARGV: lifetimes in ms of a new bucket, of what a
-- removed user leaves, and of the version of a removed user, largest number of bytes in the list of
-- an account's buckets, the bucket of today; then for each unit: kind, number of words that follow,
-- guard, highest acknowledged sequence, and the words of its kind.
-- Answers a list with one reply for each unit: {'recorded', sequence, ...}; {'stale', version};
-- {'ended', id of the challenge, parts}; {'known', parts}; {'moved'}, {'lost'} or {'absent'} from
-- the partition; {'error', message}.
-- Globals are slow to reach.
local KEYS, ARGV, ipairs, pairs, unpack, tonumber = KEYS, ARGV, ipairs, pairs, unpack, tonumber
local find, sub, byte, concat, call = string.find, string.sub, string.byte, table.concat, redis.call
local pack_bytes, unpack_bytes = struct.pack, struct.unpack
local BUCKET_MS, LEFT_MS, REMOVED_MS = ARGV[1], ARGV[2], ARGV[3]
local BUCKETS_MAX, TODAY = tonumber(ARGV[4]), ARGV[5]
-- Largest number of actions without an open challenge under way, and of bytes of the ended challenges
-- of a lifecycle under way.
local PENDING_MAX, ENDED_MAX = 16, 8192
-- Version of an account that was never stored, and the id of no commit.
local NEVER, NONE = string.rep('\0', 16), string.rep('\0', 8)
-- Number of words of each kind of write.
local LENGTH = {a = 3, t = 2, r = 2, d = 4, x = 1, p = 4, k = 4, o = 7, e = 4, v = 3}

-- Sets fields. Lua passes at most some thousand arguments.
local function hset(key, set)
  if #set <= 1000 then return call('HSET', key, unpack(set)) end
  for at = 1, #set, 1000 do call('HSET', key, unpack(set, at, math.min(at + 999, #set))) end
end

-- Reads the field of lifecycles under way. `live.rs` describes it.
local function read_live(field)
  local live, at, size = {}, 1, 0
  while at <= #field do
    local one, flags, count = {open = {}}, 0, 0
    one.id, one.bucket, flags, count, size, at = unpack_bytes('>c8c2BBI4', field, at)
    one.pending, one.split = flags % 2 == 1, flags >= 2
    one.action, at = sub(field, at, at + size - 1), at + size
    size, at = unpack_bytes('>I4', field, at)
    one.ended, at = sub(field, at, at + size - 1), at + size
    for n = 1, count do
      local open = {}
      open.id, open.held, size, at = unpack_bytes('>c24BI4', field, at)
      open.part, at = sub(field, at, at + size - 1), at + size
      one.open[n] = open
    end
    live[#live + 1] = one
  end
  return live
end

local function write_live(live)
  local out = {}
  for _, one in ipairs(live) do
    local flags = (one.pending and 1 or 0) + (one.split and 2 or 0)
    out[#out + 1] = pack_bytes('>c8c2BBI4', one.id, one.bucket, flags, #one.open, #one.action)
    out[#out + 1] = one.action
    out[#out + 1] = pack_bytes('>I4', #one.ended)
    out[#out + 1] = one.ended
    for _, open in ipairs(one.open) do
      out[#out + 1] = pack_bytes('>c24BI4', open.id, open.held, #open.part)
      out[#out + 1] = open.part
    end
  end
  return concat(out)
end

-- Returns why a partition accepts no unit; nil if it does.
local function fence(state, guard, acked)
  local found = call('HMGET', state, 'guard', 'seq', 'lost')
  if not found[2] then return {'absent'} end
  if found[1] ~= guard or found[3] then return {'moved'} end
  if tonumber(found[2]) < tonumber(acked) then return {'lost'} end
end

local function advance(state) return call('HINCRBY', state, 'seq', 1) end

-- An account in the middle of a commit. `from` is the first of its words.
local function load(key, from, to)
  local account = {
    key = key, prefix = ARGV[from], digest = ARGV[from + 1], name = ARGV[from + 2], cases = {},
    put = {}, first = from + 5, last = to,
  }
  local fields = {'v', 'gone', 'l', 'b'}
  local at = account.first
  while at <= to do
    local kind = ARGV[at]
    if kind == 'a' or kind == 'r' then fields[#fields + 1] = 'row' end
    if kind == 'd' or kind == 'x' then fields[#fields + 1] = 'd' .. ARGV[at + 1] end
    at = at + LENGTH[kind] + 1
  end
  local values = call('HMGET', key, unpack(fields))
  account.old = {}
  for n, field in ipairs(fields) do account.old[field] = values[n] end
  account.version = account.old.v or NEVER
  account.live = read_live(account.old.l or '')
  account.buckets = account.old.b or ''
  return account
end

local function under_way(account, id)
  for _, one in ipairs(account.live) do
    if one.id == id then return one end
  end
end

local function bucket_key(account, kind, bucket)
  return account.prefix .. kind .. account.digest .. bucket
end

-- Returns the parts of a case, and its bucket; nil if there is none.
local function case(account, id)
  local known = account.cases[id]
  if known == nil then
    known = false
    for at = #account.buckets - 1, 1, -2 do
      local bucket = sub(account.buckets, at, at + 1)
      local parts = call('HGET', bucket_key(account, 'h', bucket), id)
      if parts then
        known = {parts, bucket}
        break
      end
    end
    account.cases[id] = known
  end
  if known then return known[1], known[2] end
end

-- Tells whether parts have an action: it is the first part then. The low half of a part's first byte
-- is its kind.
local function has_action(parts) return parts ~= '' and byte(parts) % 16 == 1 end

-- Returns all recorded parts of a lifecycle except those of open challenges. A later part replaces
-- an earlier one of the same record.
local function recorded(account, one)
  if not one.split then return one.action .. one.ended end
  local parts = case(account, one.id) or ''
  if has_action(parts) then return parts .. one.action .. one.ended end
  return one.action .. parts .. one.ended
end

local function recorded_of(account, id)
  local one = under_way(account, id)
  return one and recorded(account, one) or not one and case(account, id) or ''
end

-- Tells whether a challenge has ended otherwise than a write of kind 'o' or 'e' says.
local function has_ended(account, kind, id, challenge, part)
  local one, parts = under_way(account, id), nil
  for _, open in ipairs(one and one.open or {}) do
    if open.id == challenge then return false end
  end
  if one and not one.split then parts = one.ended else parts = recorded_of(account, id) end
  -- The part of a challenge has the challenge's id in it.
  if not find(parts, challenge, 1, true) then return false end
  return kind == 'o' or not find(parts, part, 1, true)
end

local function check(account, parent, id)
  local version = account.version
  local named = id ~= NONE and find(version, id, 9, true)
  -- The ids begin at every eighth byte.
  while named and named % 8 ~= 1 do named = find(version, id, named + 1, true) end
  if named then return {'recorded'} end
  local at = account.first
  while at <= account.last do
    local kind = ARGV[at]
    if kind == 'o' or kind == 'e' then
      if has_ended(account, kind, ARGV[at + 1], ARGV[at + 3], ARGV[at + 4]) then
        return {'ended', ARGV[at + 3], recorded_of(account, ARGV[at + 1])}
      end
    end
    at = at + LENGTH[kind] + 1
  end
  if sub(version, 1, 16) ~= parent then return {'stale', sub(version, 1, 16)} end
  at = account.first
  while at <= account.last do
    local kind = ARGV[at]
    if kind == 'k' then
      local parts = recorded_of(account, ARGV[at + 1])
      if has_action(parts) then return {'known', parts} end
    end
    at = at + LENGTH[kind] + 1
  end
end

-- Returns a lifecycle that is to be changed, and is under way from now on. If it is a case, the case
-- stays, and its new parts are appended to it at the end.
local function touched(account, id, bucket)
  local one = under_way(account, id)
  if not one then
    local parts, found = case(account, id)
    one = {id = id, bucket = found or bucket, action = '', ended = '', open = {}}
    one.split = parts ~= nil
    account.live[#account.live + 1] = one
  end
  return one
end

local function number(bucket) return byte(bucket) * 256 + byte(bucket, 2) end

-- Adds a bucket to a list, oldest first. Returns nil if it is there.
local function insert(list, bucket)
  if sub(list, -2) == bucket then return nil end
  local place = 1
  while place < #list and number(sub(list, place, place + 1)) < number(bucket) do
    place = place + 2
  end
  if sub(list, place, place + 1) == bucket then return nil end
  return sub(list, 1, place - 1) .. bucket .. sub(list, place)
end

-- Appends the parts of a lifecycle to its case, except those of open challenges.
local function keep(account, one)
  if one.action == '' and one.ended == '' then return end
  local parts, key = recorded(account, one), bucket_key(account, 'h', one.bucket)
  account.cases[one.id] = {parts, one.bucket}
  call('HSET', key, one.id, parts)
  local buckets = insert(account.buckets, one.bucket)
  -- A listed bucket may have expired, but not that of today.
  if buckets or one.bucket ~= TODAY then call('PEXPIRE', key, BUCKET_MS, 'NX') end
  if buckets and #buckets > BUCKETS_MAX then
    call('UNLINK', bucket_key(account, 'h', sub(buckets, 1, 2)))
    buckets = sub(buckets, 3)
  end
  account.buckets = buckets or account.buckets
end

-- Moves the lifecycles that are no longer under way to their cases.
local function settle(account)
  local pending, live = 0, {}
  for at = #account.live, 1, -1 do
    local one = account.live[at]
    if one.pending and #one.open == 0 then pending = pending + 1 end
    if #one.open > 0 or (one.pending and pending <= PENDING_MAX) then
      if #one.ended > ENDED_MAX then
        keep(account, one)
        one.ended, one.split = '', true
      end
      table.insert(live, 1, one)
    else
      keep(account, one)
    end
  end
  account.live = live
end

local function ended(account, one, id)
  for n, open in ipairs(one.open) do
    if open.id == id then
      local member = account.digest .. id
      call('ZREM', account.prefix .. 'due', member)
      if open.held == 1 then call('ZREM', account.prefix .. 'held', member) end
      table.remove(one.open, n)
      return
    end
  end
end

local function opened(account, one, at)
  local id, expires, issued = ARGV[at + 3], ARGV[at + 4], ARGV[at + 6]
  local new, member = {id = id, held = tonumber(ARGV[at + 5]), part = ARGV[at + 7]}, account.digest .. id
  local place = #one.open + 1
  for n, open in ipairs(one.open) do
    if open.id == id then place = n end
  end
  local before = one.open[place]
  one.open[place] = new
  call('ZADD', account.prefix .. 'due', expires, member)
  if new.held == 1 then
    call('ZADD', account.prefix .. 'held', issued, member)
  elseif before and before.held == 1 then
    call('ZREM', account.prefix .. 'held', member)
  end
end

-- Returns the digests of indexes in front of an account's row, as a set.
local function indexes(row)
  local found = {}
  for n = 0, (row and byte(row) or 0) - 1 do found[sub(row, n * 16 + 2, n * 16 + 17)] = true end
  return found
end

-- Replaces the account's row, or removes it, with the entries of the user in the indexes.
local function put_row(account, row, users, user)
  local before = account.old.row
  account.old.row, account.put.row = row, row
  if before and row then
    local length = byte(row) * 16 + 1
    if sub(before, 1, length) == sub(row, 1, length) then return end
  end
  local old, new = indexes(before), indexes(row)
  if before then old[users] = true end
  if row then new[users] = true end
  for index in pairs(new) do
    if not old[index] then call('ZADD', 'countersign:u:' .. index, 0, user) end
  end
  for index in pairs(old) do
    if not new[index] then call('ZREM', 'countersign:u:' .. index, user) end
  end
end

-- Replaces a device, or removes it, with its entry in the index of its credential.
local function put_device(account, id, value, user)
  local old, field, binding = account.old['d' .. id], 'd' .. id, 'b' .. id .. account.digest
  local before, after = old and sub(old, 1, 16), value and sub(value, 1, 16)
  if before and before ~= after then call('HDEL', 'countersign:k:' .. before, binding) end
  if after and before ~= after then call('HSET', 'countersign:k:' .. after, binding, user) end
  account.old[field], account.put[field] = value, value
end

-- Removes the user's row, devices and actions. The cases are left for a while, because the
-- challenges in them stay.
local function remove(account, users, user)
  local all, left = call('HGETALL', account.key), call('HGET', account.key, 'g') or ''
  for n = 1, #all, 2 do
    local field = all[n]
    if sub(field, 1, 1) == 'd' then account.old[field] = account.old[field] or all[n + 1] end
  end
  for field, value in pairs(account.old) do
    if value and sub(field, 1, 1) == 'd' then
      put_device(account, sub(field, 2), false)
    end
  end
  put_row(account, false, users, user)
  local live = {}
  for _, one in ipairs(account.live) do
    keep(account, one)
    if #one.open > 0 then
      one.action, one.ended, one.pending, one.split = '', '', false, false
      live[#live + 1] = one
    end
  end
  for at = 1, #account.buckets, 2 do
    local bucket = sub(account.buckets, at, at + 1)
    local from, to = bucket_key(account, 'h', bucket), bucket_key(account, 'g', bucket)
    local cases = call('HGETALL', from)
    if #cases > 0 then
      hset(to, cases)
      call('PEXPIRE', to, LEFT_MS)
      call('UNLINK', from)
      left = insert(left, bucket) or left
    end
  end
  account.live, account.buckets, account.cases = live, '', {}
  account.put.g, account.gone = sub(left, -BUCKETS_MAX), true
end

local function write(account)
  local at = account.first
  while at <= account.last do
    local kind, w = ARGV[at], ARGV
    if kind == 'a' then
      account.gone = false
      put_row(account, w[at + 1], w[at + 2], w[at + 3])
    elseif kind == 't' then
      call('SET', 'countersign:t:' .. w[at + 1], account.name, 'PX', w[at + 2])
    elseif kind == 'r' then
      remove(account, w[at + 1], w[at + 2])
    elseif kind == 'd' then
      put_device(account, w[at + 1], w[at + 2] .. w[at + 3], w[at + 4])
    elseif kind == 'x' then
      put_device(account, w[at + 1], false)
    elseif kind == 'p' or kind == 'k' then
      local one = touched(account, w[at + 1], w[at + 2])
      if not one.split then one.bucket = w[at + 2] end
      one.action, one.pending = w[at + 4], w[at + 3] == '1'
    elseif kind == 'o' then
      opened(account, touched(account, w[at + 1], w[at + 2]), at)
    elseif kind == 'e' then
      local one = touched(account, w[at + 1], w[at + 2])
      ended(account, one, w[at + 3])
      if not find(one.ended, w[at + 4], 1, true) then one.ended = one.ended .. w[at + 4] end
    elseif kind == 'v' then
      local member = account.digest .. w[at + 1]
      call('HSET', account.prefix .. 'e' .. member, 'row', w[at + 3])
      call('ZADD', account.prefix .. 'events', w[at + 2], member)
    end
    at = at + LENGTH[kind] + 1
  end
end

-- Writes the fields of the account's hash that have changed.
local function put(account, next)
  local set, gone = {'v', next .. sub(account.version, 9, 64)}, {}
  if account.version == NEVER then set[3], set[4] = 'name', account.name end
  local live = write_live(account.live)
  if live ~= (account.old.l or '') then account.put.l = live end
  if account.buckets ~= (account.old.b or '') then account.put.b = account.buckets end
  if account.gone then account.put.gone = '1' elseif account.old.gone then account.put.gone = false end
  for field, value in pairs(account.put) do
    if value then set[#set + 1], set[#set + 2] = field, value else gone[#gone + 1] = field end
  end
  hset(account.key, set)
  for at = 1, #gone, 1000 do
    call('HDEL', account.key, unpack(gone, at, math.min(at + 999, #gone)))
  end
  if account.gone then
    call('PEXPIRE', account.key, REMOVED_MS)
  elseif account.old.gone then
    call('PERSIST', account.key)
  end
end

local run = {}

-- A change. Words: prefix of the partition's keys, digest and name of the account, parent, version
-- after the change; then the writes. The version is the number (8 bytes) and the commit's id (8).
function run.commit(state, key, from, to)
  local account = load(key, from, to)
  local next = ARGV[from + 4]
  local refused = check(account, ARGV[from + 3], sub(next, 9))
  if refused and refused[1] ~= 'recorded' then return refused end
  if not refused then
    -- If Redis has no memory, it refuses this first write, and nothing is changed.
    local sequence = advance(state)
    write(account)
    settle(account)
    put(account, next)
    return {'recorded', sequence}
  end
  return {'recorded', advance(state)}
end

-- A tenant's secret, if it has none. Words: tenant, row. The reply has the recorded row.
function run.secret(state, key, from)
  local sequence = advance(state)
  call('HSETNX', key, ARGV[from], ARGV[from + 1])
  return {'recorded', sequence, call('HGET', key, ARGV[from])}
end

-- The highest time. Words: the time in ms. The reply has the highest one before.
function run.observe(state, key, from)
  local before, now = call('GET', key), ARGV[from]
  if before and not tonumber(before) then error('ERR the recorded time is damaged') end
  local sequence = advance(state)
  if not before or tonumber(now) > tonumber(before) then call('SET', key, now) end
  return {'recorded', sequence, before or now}
end

-- The next time of an event that is still in the outbox. Words: index, member, due time, row.
function run.put_off(state, key, from)
  local index, member, due = ARGV[from], ARGV[from + 1], ARGV[from + 2]
  local before, sequence = call('ZSCORE', index, member), advance(state)
  -- A copy of an earlier unit may arrive late.
  if before and tonumber(before) <= tonumber(due) then
    call('HSET', key, 'row', ARGV[from + 3])
    call('ZADD', index, due, member)
  end
  return {'recorded', sequence}
end

-- An event that was delivered. Words: index, member.
function run.remove_event(state, key, from)
  local sequence = advance(state)
  call('DEL', key)
  call('ZREM', ARGV[from], ARGV[from + 1])
  return {'recorded', sequence}
end

-- Old lifecycles without open challenges. Words: bucket before which they are removed. The reply has
-- their number.
function run.forget(state, key, from)
  local old, live, gone = read_live(call('HGET', key, 'l') or ''), {}, 0
  for _, one in ipairs(old) do
    if #one.open == 0 and number(one.bucket) < number(ARGV[from]) then
      gone = gone + 1
    else
      live[#live + 1] = one
    end
  end
  local sequence = advance(state)
  if gone > 0 then call('HSET', key, 'l', write_live(live)) end
  return {'recorded', sequence, gone}
end

local function attempt(kind, state, from, to, key)
  return fence(state, ARGV[from - 2], ARGV[from - 1]) or run[kind](state, key, from, to)
end

local replies, at, key = {}, 6, 1
while at <= #ARGV do
  local kind, count = ARGV[at], tonumber(ARGV[at + 1])
  local state, from, to = KEYS[key], at + 4, at + 1 + count
  local fine, reply = pcall(attempt, kind, state, from, to, KEYS[key + 1])
  if not fine then
    reply = {'error', type(reply) == 'table' and reply.err or tostring(reply)}
  end
  replies[#replies + 1] = reply
  at, key = to + 1, key + 2
end
return replies
