-- Renews a gateway's lease, and says how the others stand.
-- KEYS[1]  the gateways' leases: id, end in unix ms
-- ARGV[1]  gateway id
-- ARGV[2]  lease in ms
-- ARGV[3]  ms without a renewal after which a gateway may be dead
-- ARGV[4]  ms that a gateway whose lease ended is remembered
-- Returns  {1 if the lease had ended, -1 if there was none, else 0; live gateways, each with the end of its lease; ids of dead ones; of those that
--           may be dead}
local key, id = KEYS[1], ARGV[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local newest = tonumber(redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')[2] or now)
if newest < now then
  -- All leases have ended, so it was Redis that was away and not they: all who renewed until then get another one.
  for _, survivor in ipairs(redis.call('ZRANGEBYSCORE', key, string.format('%.0f', newest - ARGV[3]), '+inf')) do
    redis.call('ZADD', key, string.format('%.0f', now + ARGV[2]), survivor)
  end
end

local before = tonumber(redis.call('ZSCORE', key, id) or '-1')
if before > -1 and before < now then
  return {1, {}, {}, {}} -- The others do not count it any more. It comes back under another id: no report is then taken for an older one.
end
redis.call('ZREMRANGEBYSCORE', key, '-inf', string.format('%.0f', now - ARGV[4]))
redis.call('ZADD', key, string.format('%.0f', now + ARGV[2]), id)
local live, dead, doubted = {}, {}, {}
local leases = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
for i = 1, #leases, 2 do
  local lease = tonumber(leases[i + 1])
  if lease < now then
    table.insert(dead, leases[i])
  else
    table.insert(live, leases[i])
    table.insert(live, leases[i + 1])
    if lease - ARGV[2] + ARGV[3] < now then
      table.insert(doubted, leases[i])
    end
  end
end
return {before == -1 and -1 or 0, live, dead, doubted}
