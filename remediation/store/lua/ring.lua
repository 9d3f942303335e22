-- Call a worker that waits for work.
ring()
return 1
