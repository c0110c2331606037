"""`python -m clipkind`: the same as the `clipkind` command."""

from clipkind.cli.main import main

main()
