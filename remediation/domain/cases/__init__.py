"""Cases: what is stored of them, how they are told apart, and what belongs to one."""
