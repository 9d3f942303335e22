-- The index of a tracker's tickets: the case of each, by the ticket's id and by its key, and the version of it that we know.
-- It lies in small hashes, its buckets, because a server keeps a large one in three times the room. A field of a bucket is a
-- kind and a digest, which also says in which bucket it is:
--   CASE_BY_ID, of a ticket's id: the reference of its case;
--   VERSION_BY_ID, of a ticket's id: the version, with two digits in a byte;
--   ID_BY_KEY, of a key in capitals: the digest of the ticket's id; or the case's reference, where an earlier version kept
--   the key and nobody knows of which ticket it is.
-- INDEX + tracker has the number of `buckets`, and, in `tickets:` + the place that ids name, the number of these ids.
-- What an earlier version kept stays in TICKETS, SEEN and TICKET_KEYS until it is moved or written anew. It counts: with
-- each entry that is put into the index, it is deleted there in the same step; so what is there was written later.
local CASE_BY_ID, VERSION_BY_ID, ID_BY_KEY = 'c', 'v', 'k'
local DIGEST_BYTES = 8 -- in a tracker of ten million tickets, two have the same digest with a probability of 1 in 350,000
local MOST_IN_BUCKET = 200 -- servers keep up to 512 fields in the small form, and look through all of them

local function digest_of(text)
  local hex = redis.sha1hex(text)
  return struct.pack('>I4I4', tonumber(string.sub(hex, 1, 8), 16), tonumber(string.sub(hex, 9, 16), 16))
end

local function number_of_buckets(tracker)
  return tonumber(redis.call('HGET', INDEX .. tracker, 'buckets') or '1')
end

local function bucket(tracker, number)
  return INDEX .. tracker .. ':' .. number
end

-- Buckets are added one by one, and each takes entries of one other bucket (linear hashing): no script moves more than one
-- bucket. The bucket of a digest is its remainder by the next power of two above the number of buckets, where that bucket
-- exists, else its remainder by half of that power.
local function power_below(buckets)
  local power = 1
  while 2 * power <= buckets do power = 2 * power end
  return power
end

local function dealt_out(digest, ways)
  return struct.unpack('>I4', digest) % ways
end

local function bucket_of(tracker, digest)
  local buckets = number_of_buckets(tracker)
  local power = power_below(buckets)
  local number = dealt_out(digest, 2 * power)
  return bucket(tracker, number < buckets and number or number % power)
end

local function add_bucket(tracker)
  local buckets = number_of_buckets(tracker)
  local power = power_below(buckets)
  local before = bucket(tracker, buckets - power)
  local entries, stays, goes = redis.call('HGETALL', before), {}, {}
  for i = 1, #entries, 2 do
    local list = dealt_out(string.sub(entries[i], 2), 2 * power) == buckets and goes or stays
    list[#list + 1] = entries[i]
    list[#list + 1] = entries[i + 1]
  end
  redis.call('HSET', INDEX .. tracker, 'buckets', buckets + 1)
  redis.call('DEL', before) -- written anew: a hash that once had a long value keeps the room for it
  if #stays > 0 then redis.call('HSET', before, unpack(stays)) end
  if #goes > 0 then redis.call('HSET', bucket(tracker, buckets), unpack(goes)) end
end

local function indexed(tracker, kind, digest)
  return redis.call('HGET', bucket_of(tracker, digest), kind .. digest)
end

-- Returns whether there was nothing of this kind yet.
local function put_in_index(tracker, kind, digest, value)
  local key = bucket_of(tracker, digest)
  local is_new = redis.call('HSET', key, kind .. digest, value) == 1
  if is_new and redis.call('HLEN', key) > MOST_IN_BUCKET then add_bucket(tracker) end
  return is_new
end

local function take_from_index(tracker, kind, digest)
  return redis.call('HDEL', bucket_of(tracker, digest), kind .. digest) == 1
end

local function count_ticket(tracker, ticket, difference)
  redis.call('HINCRBY', INDEX .. tracker, 'tickets:' .. (string.match(ticket, '^(.*)/') or ''), difference)
end

local function count_of_tickets(tracker)
  local count, head = 0, redis.call('HGETALL', INDEX .. tracker)
  for i = 1, #head, 2 do
    if string.sub(head[i], 1, 8) == 'tickets:' then count = count + tonumber(head[i + 1]) end
  end
  return count
end

-- The case of a ticket, or false.
local function case_of_ticket(tracker, ticket)
  return redis.call('HGET', TICKETS .. tracker, ticket) or indexed(tracker, CASE_BY_ID, digest_of(ticket))
end

local function index_ticket(tracker, ticket, ref)
  if put_in_index(tracker, CASE_BY_ID, digest_of(ticket), ref) then count_ticket(tracker, ticket, 1) end
  redis.call('HDEL', TICKETS .. tracker, ticket)
end

-- The case whose ticket has this key, or false.
local function case_of_key(tracker, key)
  local name = string.upper(key)
  local known = redis.call('HGET', TICKET_KEYS .. tracker, name) or indexed(tracker, ID_BY_KEY, digest_of(name))
  if not known or #known > DIGEST_BYTES then return known end
  return indexed(tracker, CASE_BY_ID, known)
end

local function index_key(tracker, key, ticket)
  local name = string.upper(key)
  put_in_index(tracker, ID_BY_KEY, digest_of(name), digest_of(ticket))
  redis.call('HDEL', TICKET_KEYS .. tracker, name)
end

-- Delete the entries that lead from a ticket's id and key to this case. Entries that lead to another case stay.
local function drop_ticket(tracker, ticket, key, ref)
  local digest, name = digest_of(ticket), string.upper(key)
  local called = indexed(tracker, ID_BY_KEY, digest_of(name))
  if case_of_ticket(tracker, ticket) == ref then
    if take_from_index(tracker, CASE_BY_ID, digest) then count_ticket(tracker, ticket, -1) end
    redis.call('HDEL', TICKETS .. tracker, ticket)
    if called == digest then take_from_index(tracker, ID_BY_KEY, digest_of(name)) end
  end
  if called == ref then take_from_index(tracker, ID_BY_KEY, digest_of(name)) end
  if redis.call('HGET', TICKET_KEYS .. tracker, name) == ref then redis.call('HDEL', TICKET_KEYS .. tracker, name) end
end

local function dense_version(version)
  return (string.gsub(version, '%d%d', function(two) return string.char(128 + tonumber(two)) end))
end

local function whole_version(dense)
  return (string.gsub(dense, '[\128-\227]', function(byte) return string.format('%02d', string.byte(byte) - 128) end))
end

local function is_known_version(tracker, ticket, version)
  local earlier = redis.call('HGET', SEEN .. tracker, ticket)
  if earlier then return earlier == version end
  return indexed(tracker, VERSION_BY_ID, digest_of(ticket)) == dense_version(version)
end

-- The version of a ticket that we know, or false.
local function known_version(tracker, ticket)
  local earlier = redis.call('HGET', SEEN .. tracker, ticket)
  if earlier then return earlier end
  local dense = indexed(tracker, VERSION_BY_ID, digest_of(ticket))
  return dense and whole_version(dense)
end

local function know_version(tracker, ticket, version)
  put_in_index(tracker, VERSION_BY_ID, digest_of(ticket), dense_version(version))
  redis.call('HDEL', SEEN .. tracker, ticket)
end

local function forget_version(tracker, ticket)
  take_from_index(tracker, VERSION_BY_ID, digest_of(ticket))
  redis.call('HDEL', SEEN .. tracker, ticket)
end

-- The cases of the tickets of this bucket: reference, and digest of the ticket's id.
local function cases_in_bucket(tracker, number)
  local found, entries = {}, redis.call('HGETALL', bucket(tracker, number))
  for i = 1, #entries, 2 do
    if string.sub(entries[i], 1, 1) == CASE_BY_ID then
      found[#found + 1] = {ref = entries[i + 1], digest = string.sub(entries[i], 2)}
    end
  end
  return found
end

-- Move some of what an earlier version kept of the tracker's tickets to the index, about so much. Returns how much.
local function move_earlier(tracker, most)
  local head = INDEX .. tracker
  for _, list in ipairs({TICKETS, SEEN, TICKET_KEYS}) do
    if redis.call('EXISTS', list .. tracker) == 1 then
      local page = redis.call('HSCAN', list .. tracker, redis.call('HGET', head, 'moving') or '0', 'COUNT', most)
      for i = 1, #page[2], 2 do
        local name, value = page[2][i], page[2][i + 1]
        if list == TICKETS then
          index_ticket(tracker, name, value)
        elseif list == SEEN then
          know_version(tracker, name, value)
        else
          local link = redis.call('HGET', CASE .. value, 'link:' .. tracker)
          local ticket, key = unpack(link and cjson.decode(link) or {})
          local is_known = key and string.upper(key) == name and case_of_ticket(tracker, ticket) == value
          put_in_index(tracker, ID_BY_KEY, digest_of(name), is_known and digest_of(ticket) or value)
          redis.call('HDEL', list .. tracker, name)
        end
      end
      if page[1] == '0' then redis.call('HDEL', head, 'moving') else redis.call('HSET', head, 'moving', page[1]) end
      return #page[2] / 2
    end
  end
  return 0
end

-- Where a ticket is linked to another case than `ref`, mark that case too: only a look decides whose the ticket is.
local function look_at_tied(tracker, ticket, ref, now, cause)
  local tied = case_of_ticket(tracker, ticket)
  local id = tied and tied ~= ref and redis.call('HGET', CASE .. tied, 'id')
  if id then mark(tied, id, now, -1, cause) end
end
