"""The operator actions by subject: a file for each group of commands, named as in the command line."""
