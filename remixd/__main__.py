"""`python -m remixd` is the command line."""

from remixd.cli import main

main()
