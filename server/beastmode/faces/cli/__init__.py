"""The command line: the same calls as the editor's, for a terminal, a script and CI."""
