-- KEYS[1]  the gateways' leases: id, end in unix ms
-- Returns  ids of the gateways whose lease has not ended
local time = redis.call('TIME')
return redis.call('ZRANGEBYSCORE', KEYS[1], string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)), '+inf')
