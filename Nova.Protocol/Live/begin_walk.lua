-- KEYS[1]  when the watch over broadcasters last began a walk, unix ms
-- Returns  {now, the time before; -1 where there is none}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local before = redis.call('GET', KEYS[1]) or '-1'
redis.call('SET', KEYS[1], string.format('%.0f', now))
return {now, before}
