-- The kinds of units, and the loop over a group of them.

local run = {}

-- A change. Words: prefix of the partition's keys, digest and name of the account, parent, version
-- after the change; then the writes. The version is the number (8 bytes) and the commit's id (8).
function run.commit(state, key, from, to)
  local account = load(key, from, to)
  local next = ARGV[from + 4]
  -- This answer needs no write and no other field, so that nothing can refuse it.
  if is_recorded(account, sub(next, 9)) then return {'recorded', call('HGET', state, 'seq')} end
  read_lifecycles(account)
  local refused = check(account, ARGV[from + 3])
  if refused then return refused end
  -- If Redis has no memory, it refuses this first write, and nothing is changed.
  local sequence = advance(state)
  write(account)
  settle(account)
  put(account, next)
  return {'recorded', sequence}
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

-- Old lifecycles without open challenges. Words: bucket before which they are removed. The reply
-- has their number.
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
