-- Records a group of units, each of them whole or not at all. This file, `lifecycles.lua`,
-- `account.lua` and `commit.lua` are one script.
--
-- KEYS: for each unit the state of its partition, and its record: the account's hash, the event's
-- hash, or the key of secrets or of the clock. ARGV: lifetimes in ms of a new bucket, of what a
-- removed user leaves, and of the version of a removed user, largest number of bytes in the list of
-- an account's buckets, the bucket of today; then for each unit: kind, number of words that follow,
-- guard, highest acknowledged sequence, and the words of its kind.
-- Answers a list with one reply for each unit: {'recorded', sequence, ...}; {'stale', version};
-- {'ended', id of the challenge, parts}; {'known', parts, number of open challenges}; {'moved'},
-- {'lost'} or {'absent'} from the partition; {'error', message}.
-- Globals are slow to reach.
local KEYS, ARGV, ipairs, pairs, unpack, tonumber = KEYS, ARGV, ipairs, pairs, unpack, tonumber
local find, sub, byte, concat, call = string.find, string.sub, string.byte, table.concat, redis.call
local pack_bytes, unpack_bytes = struct.pack, struct.unpack
local BUCKET_MS, LEFT_MS, REMOVED_MS = ARGV[1], ARGV[2], ARGV[3]
local BUCKETS_MAX, TODAY = tonumber(ARGV[4]), ARGV[5]
-- Largest number of actions without an open challenge under way, and of bytes of the ended
-- challenges of a lifecycle under way.
local PENDING_MAX, ENDED_MAX = 16, 8192
-- Version of an account that was never stored, and the id of no commit.
local NEVER, NONE = string.rep('\0', 16), string.rep('\0', 8)
-- Number of words of each kind of write.
local LENGTH = {a = 3, t = 2, r = 2, d = 4, x = 1, p = 4, k = 4, q = 5, o = 7, e = 4, v = 3}

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
  -- Nothing that is cut off may be written back as if it were whole.
  if at ~= #field + 1 then error('ERR a lifecycle under way is cut off') end
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

