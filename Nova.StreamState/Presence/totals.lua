-- The viewers of a stream now and at most, without gateways whose lease ran out.
-- KEYS[1]  the stream's live hash:
--            g:<gateway>  "<viewers> <lease end, unix ms>", written by the gateways' presence.lua
--            total peak   as last published to viewers
--            published_at when that was, unix ms
--            v ts ended   newest version and event time on the channel; 1 after stream_ended (publish.lua)
--            pend pends   since when changes are under way whose events are not on the channel yet, and how many (announce.lua)
-- Returns  {viewers, peak}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local fields = redis.call('HGETALL', KEYS[1])
local viewers, peak = 0, 0
for i = 1, #fields, 2 do
  local name, value = fields[i], fields[i + 1]
  if string.sub(name, 1, 2) == 'g:' then
    local known, leased = string.match(value, '^(%d+) (%d+)$') -- Nil where somebody else wrote it.
    if known and tonumber(leased) > now then
      viewers = viewers + tonumber(known)
    end
  elseif name == 'peak' then
    peak = tonumber(value)
  end
end
if viewers > peak then
  peak = viewers
end
return {viewers, peak}
