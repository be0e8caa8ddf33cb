"""`python -m sharedplan` is the `sharedplan` command."""

from sharedplan.commands import main

if __name__ == "__main__":
    main()
