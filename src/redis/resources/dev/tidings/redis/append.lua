-- Appends a batch of events to the log of a channel, once, however often the batch is sent.
--
-- KEYS  1 log (stream), 2 meta (hash), 3 and 4 keys of events (hashes, the newer and the older in turn), which
--       are given only if an event has a key
-- ARGV  1 producer, 2 number of the batch, 3 most events, 4 largest age in ms, 5 random text for a new epoch,
--       6 pub/sub channel of the bell, 7 seconds that the meta and keys live, 8 '1' if the last event completes the log,
--       9 the events for the bell, or '',
--       then for each event: number of fields, its key or '', field, value, ...
-- Returns {'new' or 'again', first, count, epoch, earlier}, {'completed', id, earlier}, {'stale'} or {'format', format}.
--       earlier = {index, id, ...}: events whose keys were appended before
local FORMAT = 1
local KEPT = 600000 -- ms for which keys and batches are remembered
local m = redis.call('HMGET', KEYS[2], 'format', 'n', 'ms', 'epochs', 'history', 'marks', 'done', 'keys', 'p:' .. ARGV[1], 'calm')
if m[1] and tonumber(m[1]) > FORMAT then return {'format', m[1]} end

local function known(key)
  return redis.call('HGET', KEYS[3], key) or redis.call('HGET', KEYS[4], key)
end

-- The events whose keys are known with another id than the next of this batch.
local function earlier(number, epoch)
  local found, i, index = {}, 10, 0
  while i <= #ARGV do
    local id = ARGV[i + 1] ~= '' and known(ARGV[i + 1])
    if id and id ~= string.format('%.0f.%s', number, epoch) then
      found[#found + 1] = index
      found[#found + 1] = id
    else
      number = number + 1
    end
    i, index = i + 2 + ARGV[i] * 2, index + 1
  end
  return found
end

local batch = tonumber(ARGV[2])
if m[9] then
  local b, first, count, epoch = string.match(m[9], '^(%d+) (%d+) (%d+) (%S+)')
  if tonumber(b) == batch then return {'again', first, count, epoch, earlier(tonumber(first), epoch)} end
  if tonumber(b) > batch then return {'stale'} end
end

local n, past = tonumber(m[2]), tonumber(m[3] or '0')
if not n then -- the meta is gone; the log may be there, and its numbers must not be given again
  n = 0
  local info = redis.pcall('XINFO', 'STREAM', KEYS[1])
  if not info.err then
    for i = 1, #info, 2 do
      if info[i] == 'last-generated-id' then
        local number, ms = string.match(info[i + 1], '^(%d+)-(%d+)')
        n, past = tonumber(number), tonumber(ms)
      end
    end
  end
elseif m[7] and tonumber(string.match(m[7], '^%d+')) > n - redis.call('XLEN', KEYS[1]) then
  return {'completed', m[7], earlier(-1, '')}
end

local history = redis.pcall('INFO', 'replication') -- may be forbidden
history = type(history) == 'string' and string.match(history, 'master_replid:(%x+)') or ''
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local ms, epochs, marks = math.max(past, now), m[4] or '', m[6] or ''
local set = {}
local calm = tonumber(m[10] or '0') -- when the clock last jumped, or the log was idle: ages of before mean nothing
if ms - past > KEPT / 2 then
  calm = ms
  set = {'calm', string.format('%.0f', ms)}
end
if not m[2] or epochs == '' or (history ~= '' and m[5] ~= history) then
  -- What this server holds may differ from what was acknowledged: a new epoch. Its word begins with its birth, in
  -- seconds and base 36: after that of the epoch before it, whatever the clock says.
  local birth = math.max(tonumber(t[1]), (tonumber(string.sub(epochs, 1, 7), 36) or 0) + 1)
  local word = ''
  for _ = 1, 7 do
    local digit = birth % 36
    word = string.sub('0123456789abcdefghijklmnopqrstuvwxyz', digit + 1, digit + 1) .. word
    birth = math.floor(birth / 36)
  end
  epochs = string.format('%s%s:%.0f', word, ARGV[5], n) .. (epochs == '' and '' or ',' .. epochs)
  local cut = 0
  for _ = 1, 16 do cut = string.find(epochs, ',', cut + 1, true) if not cut then break end end
  if cut then epochs = string.sub(epochs, 1, cut - 1) end
  for _, value in ipairs({'format', FORMAT, 'epochs', epochs, 'history', history}) do set[#set + 1] = value end
end
local epoch = string.match(epochs, '^[^:]+')

local before, i, index, last, seen, ids = n, 10, 0, #ARGV, {}, nil
local time = string.format('-%.0f', ms)
while i <= last do
  local k, key = ARGV[i] * 2, ARGV[i + 1]
  local id = key ~= '' and (known(key) or (ids and ids[key]))
  if id then
    seen[#seen + 1] = index
    seen[#seen + 1] = id
  else
    n = n + 1
    local number = string.format('%.0f', n) .. time
    if k == 2 then -- the usual event, which has only data: cheaper than unpack
      redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], number, ARGV[i + 2], ARGV[i + 3])
    else
      redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], number, unpack(ARGV, i + 2, i + 1 + k))
    end
    if key ~= '' then
      ids = ids or {}
      ids[key] = string.format('%.0f.%s', n, epoch)
    end
  end
  i, index = i + 2 + k, index + 1
end
-- appended: an error in a line after this one does not undo that

if ids then -- in two generations, so that memory is bounded: the older one is dropped when the newer one is full or old
  local which, held, begin = string.match(m[8] or '', '^(%d) (%d+) (%d+)')
  which, held, begin = tonumber(which or '1'), tonumber(held or '0'), tonumber(begin or ms)
  for key, id in pairs(ids) do
    if held >= ARGV[3] + 1000 or ms - math.max(begin, calm) > KEPT then
      which, held, begin = 3 - which, 0, ms
      redis.call('UNLINK', KEYS[2 + which])
    end
    redis.call('HSET', KEYS[2 + which], key, id)
    held = held + 1
  end
  redis.call('EXPIRE', KEYS[2 + which], ARGV[7]) -- long, since the clock may jump
  set[#set + 1] = 'keys'
  set[#set + 1] = string.format('%d %.0f %.0f', which, held, begin)
end

local age = tonumber(ARGV[4])
local newest = tonumber(string.match(marks, '^(%d+)') or '0')
-- 64 times within the age: forget the old, let what is idle expire. A batch without events only begins an epoch: it does
-- not know the limits of the log, and the first event after it has to set the expiry.
local due = n > before and ms >= newest + age / 64
if due then
  local kept, trim = string.format('%.0f:%.0f', ms, before), nil
  for at, number in string.gmatch(marks, '(%d+):(%d+)') do
    if tonumber(at) > now - age then kept = kept .. ',' .. at .. ':' .. number
    else trim = number break end
  end
  if trim then
    redis.call('XTRIM', KEYS[1], 'MINID', '~', string.format('%.0f', trim + 1))
    kept = kept .. ',' .. string.format('%.0f:%s', 0, trim)
  end
  set[#set + 1] = 'marks'
  set[#set + 1] = kept
  local all = redis.call('HGETALL', KEYS[2])
  for f = 1, #all, 2 do
    if string.sub(all[f], 1, 2) == 'p:' and ms - math.max(calm, tonumber(string.match(all[f + 1], '(%d+)$') or '0')) > KEPT then
      redis.call('HDEL', KEYS[2], all[f])
    end
  end
end
if ARGV[8] == '1' and n > before then
  set[#set + 1] = 'done'
  set[#set + 1] = string.format('%.0f.%s', n, epoch)
end
if last >= 10 then
  set[#set + 1] = 'p:' .. ARGV[1]
  set[#set + 1] = string.format('%.0f %.0f %.0f %s %.0f', batch, before + 1, n - before, epoch, ms)
end
redis.call('HSET', KEYS[2], 'n', string.format('%.0f', n), 'ms', string.format('%.0f', ms), unpack(set))
if due then
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', age * 65 / 64))
end
if due or not m[2] then
  redis.call('EXPIRE', KEYS[2], ARGV[7])
end
if n > before then
  redis.call('PUBLISH', ARGV[6], string.format('%.0f %.0f %s ', before + 1, n, epoch) .. (#seen == 0 and ARGV[9] or ''))
end
return {'new', before + 1, n - before, epoch, seen}
