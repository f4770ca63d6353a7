-- Takes one gateway's viewers of a stream and publishes the new total, if it is one and the last one is not too recent: viewers get as many
-- counts of a hundred gateways as of one (S50).
-- KEYS[1]  the stream's hash (LiveKeys.cs lists its fields)
-- ARGV[1]  channel
-- ARGV[2]  PUBLISH or SPUBLISH
-- ARGV[3]  gateway id, 32 characters
-- ARGV[4]  its viewers now; empty where it only takes dead gateways out
-- ARGV[5]  ids of dead gateways, separated by spaces: their viewers are taken out
-- ARGV[6]  ids of gateways that may be dead: their viewers make no new peak (S51)
-- ARGV[7]  total and
-- ARGV[8]  peak that this gateway knows, for a hash that lost its memory
-- ARGV[9]  ms since the first of the changes that this report is about, at least
-- ARGV[10] ms between two counts of a stream, at least
-- ARGV[11] ms that a recount takes at most: a gateway's lease
-- ARGV[12] seconds the hash outlives this report
-- Returns  {total, peak, time in unix ms, newest version on the channel, 1 if a count was published,
--           ms after which to report again, where a count is due and cannot be published yet: else 0}
--          or nothing, where there was no dead gateway to be taken out
local key, own = KEYS[1], 'viewers:' .. ARGV[3]
local removed = 0
for id in string.gmatch(ARGV[5], '%S+') do
  removed = removed + redis.call('HDEL', key, 'viewers:' .. id)
end
if ARGV[4] ~= '' then
  redis.call('HSET', key, own, ARGV[4])
elseif removed == 0 then
  return {}
end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local doubted, stored, zeros = {}, {}, {}
local total, sure, gateways = 0, 0, 0
for id in string.gmatch(ARGV[6], '%S+') do
  doubted['viewers:' .. id] = true
end
local fields = redis.call('HGETALL', key)
for i = 1, #fields, 2 do
  local name, value = fields[i], tonumber(fields[i + 1])
  if string.sub(name, 1, 8) ~= 'viewers:' then
    stored[name] = value
  elseif #name ~= 40 or not value or value ~= math.floor(value) or value < 0 then -- Somebody else wrote it.
    redis.call('HDEL', key, name)
  else
    total = total + value
    gateways = gateways + 1
    if not doubted[name] then
      sure = sure + value
    end
    if value == 0 then
      table.insert(zeros, name)
    end
  end
end
redis.call('EXPIRE', key, ARGV[12])

-- The hash lost its memory: every gateway that hears this reports at once, and until all have no count is published (S52).
if not stored.total and not stored.recount_until and tonumber(ARGV[7]) > 0 then
  stored.recount_until = now + ARGV[11]
  stored.recount_gateways = redis.call(ARGV[2], ARGV[1], 'R')
  redis.call('HSET', key, 'recount_until', string.format('%.0f', stored.recount_until), 'recount_gateways', stored.recount_gateways)
end
local peak = math.max(stored.peak or 0, not stored.total and tonumber(ARGV[8]) or 0)
if stored.recount_until then
  if gateways < stored.recount_gateways and now < stored.recount_until then
    return {ARGV[7], string.format('%.0f', peak), string.format('%.0f', stored.event_at or 0), stored.version or 0, 0, math.min(stored.recount_until - now, 500)}
  end
  redis.call('HDEL', key, 'recount_until', 'recount_gateways')
end
for _, name in ipairs(zeros) do
  redis.call('HDEL', key, name)
end

-- Viewers of a gateway that died are back on others before its lease ends. While it may be dead they are not counted beyond the peak (S51).
local again = 0
peak = math.max(peak, sure)
if total > peak then
  total, again = peak, 250
end

local before = stored.total or tonumber(ARGV[7])
-- The change happened up to a batch ago, so it is dated back by that. Never before what the channel already had, nor after an event that is
-- on its way from Postgres: counts and events stay in the order of their times (S45).
local at = now - ARGV[9]
if stored.changes_since and now - stored.changes_since < 10000 then
  at = math.min(at, stored.changes_since)
end
at = math.max(at, stored.event_at or 0)
local published = 0
if stored.ended ~= 1 and total ~= before then
  local early = (stored.counted_at or 0) + ARGV[10] - now
  if early > 0 then
    again = early
  else
    redis.call(ARGV[2], ARGV[1], string.format('C %.0f %.0f %.0f %.0f', total, peak, total - before, at))
    redis.call('HSET', key, 'counted_at', string.format('%.0f', now))
    published = 1
  end
end
local told = (published == 1 or total == before or stored.ended == 1) and total or before
redis.call('HSET', key, 'total', string.format('%.0f', told), 'peak', string.format('%.0f', peak), 'event_at', string.format('%.0f', at))
return {told, peak, at, stored.version or 0, published, again}
