-- with delivery_lists.lua, unparking.lua
-- A person decides about parked work: replay or discard it. ARGV: name, now, 'replay' or 'discard', lifetime of what is left
-- (ms), how many replays there may have been before this one, or '' for any number, and a line of the audit or ''.
-- Returns 1; 0 if no such work is parked, or its scan is not known any more; 2 if it was replayed too often.
local outcome = unpark(ARGV[1], tonumber(ARGV[2]), ARGV[3] == 'replay', ARGV[4], tonumber(ARGV[5]))
if outcome == 1 then note_line(ARGV[6]) end
return outcome
