-- Puts a stream's events on its channel, in order, each at most once however often the relay tries.
-- KEYS[1]  the stream's live hash (totals.lua lists its fields)
-- ARGV[1]  channel
-- ARGV[2]  seconds the hash outlives these events
-- ARGV[3…] for each event, in the order of versions: message (header and envelope), version, time in unix ms, event name
-- Returns  how many were published; the others had been before
local key, published = KEYS[1], 0
local newest = tonumber(redis.call('HGET', key, 'v') or '0')
for i = 3, #ARGV, 4 do
  local message, version, at, name = ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]), ARGV[i + 3]
  if version > newest then
    newest = version
    if redis.call('HGET', key, 'pend') then
      if redis.call('HINCRBY', key, 'pends', -1) > 0 then
        -- Those still under way come later than this one: event times of a stream differ by a millisecond at least.
        local since = math.max(tonumber(redis.call('HGET', key, 'pend')), at + 1)
        redis.call('HSET', key, 'pend', string.format('%.0f', since))
      else
        redis.call('HDEL', key, 'pend', 'pends')
      end
    end
    redis.call('HSET', key, 'v', string.format('%.0f', version))
    -- Counts take their time from this hash, so that they never seem older than an event sent before them.
    if at > tonumber(redis.call('HGET', key, 'ts') or '0') then
      redis.call('HSET', key, 'ts', string.format('%.0f', at))
    end
    if name == 'stream_started' then
      redis.call('HSET', key, 'peak', redis.call('HGET', key, 'total') or '0')
    elseif name == 'stream_ended' then
      redis.call('HSET', key, 'ended', '1')
    end
    redis.call('PUBLISH', ARGV[1], message)
    published = published + 1
  end
end
redis.call('EXPIRE', key, ARGV[2])
return published
