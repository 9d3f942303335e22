-- Changes of tickets, of which some are echoes of our own writes. It needs ticket_index.lua.
-- Scripts that do without it would have too many local names with it.

-- Whether a ticket with this key, which is told to be as it was opened, is one of this case of which nobody has read more.
-- Without a key it is not told to be so.
local function is_as_we_opened_it(row, tracker, ticket, key)
  if key == '' or redis.call('HEXISTS', row, 'opened:' .. tracker) == 0 then return false end
  local link = redis.call('HGET', row, 'link:' .. tracker)
  local linked, name = unpack(link and cjson.decode(link) or {})
  return linked == ticket and name == key
end

local MOST_NOTED = 1024 -- bytes: more changes than come during a look are news

-- Note which version of a ticket has marked a case that is held: whoever holds it may have written that version itself.
local function note_told(row, tracker, ticket, version, opened_as)
  local noted = redis.call('HGET', row, 'noted') or ''
  if #noted > MOST_NOTED or version == '' or string.find(tracker .. ticket .. opened_as .. version, '\n', 1, true) then return end
  redis.call('HSET', row, 'noted', noted .. table.concat({tracker, ticket, opened_as, version}, '\t') .. '\n')
end

-- Whether nothing has marked the case since the generation `seen` but versions in `own` (by tracker and ticket), and tickets
-- that are as its holder opened them.
local function is_only_echoes(row, seen, own)
  local count = 0
  for line in string.gmatch(redis.call('HGET', row, 'noted') or '', '[^\n]+') do
    local tracker, ticket, opened_as, version = string.match(line, '^([^\t]*)\t([^\t]*)\t([^\t]*)\t(.*)$')
    if not tracker then return false end
    if own[tracker .. '/' .. ticket] ~= version and not is_as_we_opened_it(row, tracker, ticket, opened_as) then
      return false
    end
    count = count + 1
  end
  return count > 0 and tonumber(redis.call('HGET', row, 'gen')) == tonumber(seen) + count
end

-- A ticket changed: mark its case, unless this is the version that we know, or the ticket is as a look has opened it. An empty
-- version is always news. `opened_as` is the key of a ticket that is as it was opened, or ''. Returns 1 where it was news, else 0.
local function mark_change(tracker, ticket, version, ref, id, now, cause, opened_as)
  local row = CASE .. ref
  if version ~= '' then
    if is_known_version(tracker, ticket, version) then return 0 end
    know_version(tracker, ticket, version)
    if is_as_we_opened_it(row, tracker, ticket, opened_as) then return 0 end
  end
  expect_ticket(row, tracker)
  look_at_tied(tracker, ticket, ref, now, cause)
  mark(ref, id, now, -1, cause)
  if redis.call('EXISTS', LEASE .. ref) == 1 then note_told(row, tracker, ticket, version, opened_as) end
  return 1
end
