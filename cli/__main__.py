"""`python -m cli`: the remedy command, for processes that start others."""

from cli.main import main

if __name__ == "__main__":
    main()
