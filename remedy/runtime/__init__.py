"""How processes are built, watched and stopped."""
