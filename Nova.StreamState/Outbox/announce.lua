-- Says that an event of a stream is about to be committed: until it is published, counts must not carry a later time than it does.
-- KEYS[1]  the stream's live hash (live.lua lists its fields)
-- ARGV[1]  the event's time, unix ms
-- ARGV[2]  seconds the hash outlives this
local earliest = tonumber(redis.call('HGET', KEYS[1], 'pend') or '0')
if earliest == 0 or ARGV[1] - earliest > 10000 then -- Older ones never came: their transactions failed.
  redis.call('HSET', KEYS[1], 'pend', ARGV[1])
end
redis.call('HSET', KEYS[1], 'last', ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
