"""The language server: LSP 3.18 over stdio, for any editor."""
