"""The command line: one file a command; they talk to people and leave the work to other rooms."""
