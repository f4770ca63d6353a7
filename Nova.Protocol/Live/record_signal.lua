-- Records a sign of life of a stream's broadcaster, and publishes its bitrate where one was measured and the last is old enough (S33).
-- KEYS[1]  the stream's hash (LiveKeys.cs lists its fields)
-- ARGV[1]  channel
-- ARGV[2]  PUBLISH or SPUBLISH
-- ARGV[3]  seconds the hash outlives this
-- ARGV[4]  "heartbeat"; or the measured kbps; or "held": the time of the measurement that was held back has come
-- ARGV[5]  quality,
-- ARGV[6]  maximum in kbps and
-- ARGV[7]  version of the stream, as the caller knows them
-- ARGV[8]  ms between two bitrates
-- Returns  {0 done, 1 the stream has ended, 2 the stream has changed: read it and come again;
--           1 if the broadcaster counts as lost; 1 for the first heartbeat;
--           ms until the measurement may leave, for the first one that is held back and when it is held back again; else 0; 1 if a bitrate was published}
local key, signal = KEYS[1], ARGV[4]
local fields = redis.call('HMGET', key, 'version', 'ended', 'event_at', 'changes_since', 'bitrate_sent_at', 'bitrate_kbps', 'watched', 'lost')
if fields[2] then
  return {1, 0, 0, 0, 0}
end
if tonumber(fields[1] or '0') > tonumber(ARGV[7]) then
  return {2, 0, 0, 0, 0}
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lost = fields[8] and 1 or 0
if signal ~= 'held' then
  redis.call('HSET', key, 'signal_at', string.format('%.0f', now))
  redis.call('EXPIRE', key, ARGV[3])
end
if signal == 'heartbeat' then
  redis.call('HSET', key, 'watched', 1)
  return {0, lost, fields[7] and 0 or 1, 0, 0}
end

local held = fields[6]
if signal == 'held' then
  if not held then
    return {0, lost, 0, 0, 0} -- A newer one has left, or what was measured before a loss is not sent (S56).
  end
  signal = held
end
local early = tonumber(fields[5] or '0') + ARGV[8] - now
-- It does not overtake an event that is on its way: viewers would hear of the bitrate before the start. A change that takes 10 s has died.
if fields[4] and now - tonumber(fields[4]) < 10000 then
  early = math.max(early, 100)
end
if early > 0 then
  redis.call('HSET', key, 'bitrate_kbps', signal)
  return {0, lost, 0, (held and ARGV[4] ~= 'held') and 0 or early, 0}
end
local at = math.max(now, tonumber(fields[3] or '0')) -- Never before what the channel has (S45).
redis.call('HDEL', key, 'bitrate_kbps')
redis.call('HSET', key, 'bitrate_sent_at', string.format('%.0f', now), 'event_at', string.format('%.0f', at), 'sent_kbps', signal, 'sent_maximum', ARGV[6])
redis.call(ARGV[2], ARGV[1], string.format('B %s %s %s %.0f', signal, ARGV[5], ARGV[6], at))
return {0, lost, 0, 0, 1}
