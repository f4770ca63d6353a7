-- Puts a measurement on a stream's channel, if its time fits between what the channel has and what is on its way to it (S45).
-- KEYS[1]  the stream's hash (LiveKeys.cs lists its fields)
-- ARGV[1]  channel
-- ARGV[2]  message: header and envelope
-- ARGV[3]  the time in the message, unix ms
-- ARGV[4]  seconds the hash outlives this measurement
-- Returns  0 where it is done, else the time in unix ms that the message must carry
local key, at = KEYS[1], tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local fields = redis.call('HMGET', key, 'event_at', 'changes_since', 'ended')
if fields[3] then
  return 0
end
local newest, pending = tonumber(fields[1] or '0'), tonumber(fields[2] or '0')
local fitting = at
if pending > 0 and now - pending < 10000 then
  fitting = math.min(fitting, pending)
end
fitting = math.max(fitting, newest)
if fitting ~= at then
  return fitting
end
redis.call('HSET', key, 'event_at', string.format('%.0f', at))
redis.call('EXPIRE', key, ARGV[4])
redis.call('PUBLISH', ARGV[1], ARGV[2])
return 0
