"""The doors: an editor's (lsp) and a terminal's (cli). Thin: each turns its own words into calls of the same app."""
