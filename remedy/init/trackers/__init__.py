"""How each kind of tracker is set up: a module by the word of its kind, with the name SET_UP."""
