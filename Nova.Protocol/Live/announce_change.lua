-- Counts the changes of a stream that are under way: from before their events get their times until they are published or given up.
-- While there are any, counts are not dated after the first of them began.
-- KEYS[1]  the stream's hash (LiveKeys.cs lists its fields)
-- ARGV[1]  1 a change begins, -1 it was given up
-- ARGV[2]  seconds the hash outlives this
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local since = tonumber(redis.call('HGET', KEYS[1], 'changes_since') or '0')
if since == 0 or now - since > 10000 then -- Older ones never came to an end: whoever made them died.
  if ARGV[1] == '1' then
    redis.call('HSET', KEYS[1], 'changes_since', string.format('%.0f', now), 'changes', '1')
    redis.call('EXPIRE', KEYS[1], ARGV[2])
  end
elseif redis.call('HINCRBY', KEYS[1], 'changes', ARGV[1]) <= 0 then
  redis.call('HDEL', KEYS[1], 'changes_since', 'changes')
end
return 1
