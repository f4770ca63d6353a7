-- Puts a stream's events on its channel, in order, each at most once however often the relay tries.
-- KEYS[1]  the stream's hash (LiveKeys.cs lists its fields)
-- ARGV[1]  channel
-- ARGV[2]  PUBLISH or SPUBLISH
-- ARGV[3]  seconds the hash outlives these events
-- ARGV[4…] for each event, in the order of versions: message (header and envelope), version, time in unix ms, event name
-- Returns  how many were published; the others had been before
local key, published = KEYS[1], 0
local newest = tonumber(redis.call('HGET', key, 'version') or '0')
for i = 4, #ARGV, 4 do
  local message, version, at, name = ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]), ARGV[i + 3]
  if version > newest then
    newest = version
    if redis.call('HGET', key, 'changes_since') then
      if redis.call('HINCRBY', key, 'changes', -1) > 0 then
        -- Those still under way come later than this one: event times of a stream differ by a millisecond at least.
        local since = math.max(tonumber(redis.call('HGET', key, 'changes_since')), at + 1)
        redis.call('HSET', key, 'changes_since', string.format('%.0f', since))
      else
        redis.call('HDEL', key, 'changes_since', 'changes')
      end
    end
    redis.call('HSET', key, 'version', string.format('%.0f', version))
    -- Counts take their time from this hash, so that they never seem older than an event sent before them.
    if at > tonumber(redis.call('HGET', key, 'event_at') or '0') then
      redis.call('HSET', key, 'event_at', string.format('%.0f', at))
    end
    if name == 'stream_started' then
      redis.call('HSET', key, 'peak', redis.call('HGET', key, 'total') or '0')
    elseif name == 'stream_ended' then
      redis.call('HSET', key, 'ended', '1')
    elseif name == 'error' and string.find(message, '"RTMP_CONNECTION_LOST"', 1, true) then
      redis.call('HSET', key, 'lost', '1') -- The next sign of life ends it, and nothing measured before it is sent after it (S56).
      redis.call('HDEL', key, 'bitrate_kbps')
    elseif name == 'error' and string.find(message, '"RTMP_CONNECTION_RESTORED"', 1, true) then
      redis.call('HDEL', key, 'lost')
    end
    redis.call(ARGV[2], ARGV[1], message)
    published = published + 1
  end
end
redis.call('EXPIRE', key, ARGV[3])
return published
