"""The fault suite: real processes, real faults, a journal of what was answered, and a count of what came of it."""
