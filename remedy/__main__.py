"""`python -m remedy`: the remedy command, for processes that start others."""

from remedy.main import main

if __name__ == "__main__":
    main()
