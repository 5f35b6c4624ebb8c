"""The command-line tools; thin."""
