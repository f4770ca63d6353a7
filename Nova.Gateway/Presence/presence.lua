-- Reports one gateway's viewers of a stream and publishes the new total, if it is one and the last one is not too recent: viewers get as many
-- counts of a hundred gateways as of one (S50).
-- KEYS[1]  the stream's live hash (StreamState's totals.lua lists its fields)
-- ARGV[1]  gateway id
-- ARGV[2]  its viewers now; 0 takes it out of the hash
-- ARGV[3]  lease in ms: a gateway that does not report again within it is taken out by the next one that does
-- ARGV[4]  channel
-- ARGV[5]  total and
-- ARGV[6]  peak that this gateway knows, for a hash that lost its memory
-- ARGV[7]  seconds the hash outlives this report
-- ARGV[8]  ms since the first of the changes that this report is about, at least
-- ARGV[9]  ms between two counts of a stream, at least
-- Returns  {total, peak, time in unix ms, newest version on the channel, 1 if a count was published,
--           ms after which to report again, where a count is due and came too early: else 0}
local key = KEYS[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

if ARGV[2] == '0' then
  redis.call('HDEL', key, 'g:' .. ARGV[1])
else
  redis.call('HSET', key, 'g:' .. ARGV[1], ARGV[2] .. ' ' .. string.format('%.0f', now + ARGV[3]))
end

local total, stored = 0, {}
local fields = redis.call('HGETALL', key)
for i = 1, #fields, 2 do
  local name, value = fields[i], fields[i + 1]
  if string.sub(name, 1, 2) == 'g:' then
    local viewers, leased = string.match(value, '^(%d+) (%d+)$')
    if viewers and tonumber(leased) > now then
      total = total + tonumber(viewers)
    else -- Its lease ran out, or somebody else wrote it.
      redis.call('HDEL', key, name)
    end
  else
    stored[name] = tonumber(value)
  end
end

local before = stored.total or tonumber(ARGV[5])
local peak = math.max(stored.peak or tonumber(ARGV[6]), total)
-- The change happened up to a batch ago, so it is dated back by that. Never before what the channel already had, nor after an event that is
-- on its way from Postgres: counts and events stay in the order of their times (S45).
local at = now - ARGV[8]
if stored.pend and now - stored.pend < 10000 then
  at = math.min(at, stored.pend)
end
at = math.max(at, stored.ts or 0)
local published, again = 0, 0
if stored.ended ~= 1 and total ~= before then
  again = math.max(0, (stored.published_at or 0) + ARGV[9] - now)
  if again == 0 then
    redis.call('PUBLISH', ARGV[4], string.format('C %.0f %.0f %.0f %.0f', total, peak, total - before, at))
    redis.call('HSET', key, 'published_at', string.format('%.0f', now))
    published = 1
  end
end
local told = again == 0 and total or before
redis.call('HSET', key, 'total', string.format('%.0f', told), 'peak', string.format('%.0f', peak), 'ts', string.format('%.0f', at))
redis.call('EXPIRE', key, ARGV[7])
return {total, peak, at, stored.v or 0, published, again}
