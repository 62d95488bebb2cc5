-- The account's own fields, and the writes of a change in their order.
--
-- Fields of an account's hash:
-- 'v': number of the version and id of its commit (8 bytes each), then the ids of up to seven
--   commits before, latest first. 'name': tenant and user.
-- 'row': a count, that many digests of indexes that have the user, and the record.
-- 'd' and a device's id: digest of its credential, and the record.
-- 'l': lifecycles under way. 'b': buckets of its cases, 'g': buckets that were left when the user
--   was removed, two bytes each. 'gone': the user is removed, and the hash expires.

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
    if call('EXISTS', from) == 1 then
      if call('RENAMENX', from, to) == 0 then
        hset(to, call('HGETALL', from))
        call('UNLINK', from)
      end
      call('PEXPIRE', to, LEFT_MS)
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
    elseif kind == 'p' or kind == 'k' or kind == 'q' then
      if kind == 'q' then drop(account, w[at + 1]) end
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
  if account.gone then
    account.put.gone = '1'
  elseif account.old.gone then
    account.put.gone = false
  end
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

