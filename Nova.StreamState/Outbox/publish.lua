-- Puts one event on a stream's channel, at most once however often the relay tries.
-- KEYS[1]  the stream's live hash (live.lua lists its fields)
-- ARGV[1]  channel
-- ARGV[2]  message: header and envelope
-- ARGV[3]  version after the event; 0 for an event that is no state
-- ARGV[4]  the event's time, unix ms
-- ARGV[5]  event name
-- ARGV[6]  seconds the hash outlives this event
-- Returns  1 published, 0 this version was published before
local version = tonumber(ARGV[3])
if version > 0 then
  if tonumber(redis.call('HGET', KEYS[1], 'v') or '0') >= version then
    return 0
  end
  redis.call('HSET', KEYS[1], 'v', ARGV[3])
  if redis.call('HGET', KEYS[1], 'pend') then
    if redis.call('HINCRBY', KEYS[1], 'pends', -1) > 0 then
      -- Those still under way come later than this one: event times of a stream differ by a millisecond at least.
      local since = math.max(tonumber(redis.call('HGET', KEYS[1], 'pend')), ARGV[4] + 1)
      redis.call('HSET', KEYS[1], 'pend', string.format('%.0f', since))
    else
      redis.call('HDEL', KEYS[1], 'pend', 'pends')
    end
  end
end
-- Counts take their time from this hash, so that they never seem older than an event sent before them.
if tonumber(ARGV[4]) > tonumber(redis.call('HGET', KEYS[1], 'ts') or '0') then
  redis.call('HSET', KEYS[1], 'ts', ARGV[4])
end
if ARGV[5] == 'stream_started' then
  redis.call('HSET', KEYS[1], 'peak', redis.call('HGET', KEYS[1], 'total') or '0')
elseif ARGV[5] == 'stream_ended' then
  redis.call('HSET', KEYS[1], 'ended', '1')
end
redis.call('EXPIRE', KEYS[1], ARGV[6])
redis.call('PUBLISH', ARGV[1], ARGV[2])
return 1
