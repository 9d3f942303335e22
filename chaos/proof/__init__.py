"""The proof that no word from outside is anywhere but where it may be: canaries, ways to lose one, and a search."""
