"""The jobs that arq runs, one piece of work each."""
