-- with taking.lua
-- The worker that took this work up is alive, whatever the result of the work is. ARGV: name, token.
let_go(ARGV[1], ARGV[2])
return 1
