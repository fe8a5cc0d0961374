"""The gateway: the same core over HTTP, for scripts, other editors' plugins and a browser."""
