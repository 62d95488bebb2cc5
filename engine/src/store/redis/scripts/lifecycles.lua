-- Lifecycles of one account in the middle of a commit: those under way, and the cases.

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
  account.version, account.gone = account.old.v or NEVER, account.old.gone
  return account
end

-- Tells whether the commit of this id is one of the account's last.
local function is_recorded(account, id)
  local named = id ~= NONE and find(account.version, id, 9, true)
  -- The ids begin at every eighth byte.
  while named and named % 8 ~= 1 do named = find(account.version, id, named + 1, true) end
  return named
end

-- Reads the lifecycles under way and the list of buckets. Fails if they are damaged.
local function read_lifecycles(account)
  account.live, account.buckets = read_live(account.old.l or ''), account.old.b or ''
  if #account.buckets % 2 ~= 0 then error('ERR the list of buckets is cut off') end
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

-- Tells whether parts have an action: it is the first part then. The low half of a part's first
-- byte is its kind.
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

-- Returns why a change is refused; nil if it is not.
local function check(account, parent)
  local version = account.version
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
    if kind == 'k' or kind == 'q' then
      local one = under_way(account, ARGV[at + 1])
      local parts, open = recorded_of(account, ARGV[at + 1]), one and #one.open or 0
      local is_replaced = kind == 'q' and open == 0 and parts == ARGV[at + 5]
      if has_action(parts) and not is_replaced then return {'known', parts, open} end
    end
    at = at + LENGTH[kind] + 1
  end
end

-- Returns a lifecycle that is to be changed, and is under way from now on. If it is a case, the
-- case stays, and its new parts are appended to it at the end.
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

-- Removes a lifecycle whose retention is over, so that its name can be tracked anew.
local function drop(account, id)
  for n, one in ipairs(account.live) do
    if one.id == id then
      table.remove(account.live, n)
      break
    end
  end
  local parts, bucket = case(account, id)
  if parts then call('HDEL', bucket_key(account, 'h', bucket), id) end
  account.cases[id] = false
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
  local new = {id = id, held = tonumber(ARGV[at + 5]), part = ARGV[at + 7]}
  local member = account.digest .. id
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

