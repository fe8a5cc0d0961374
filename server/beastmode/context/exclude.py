"""Which files no model may see. Pure: decided by the path, never by reading the file.

Separate because every source of context must ask here, not only the file that is being typed in.
"""

from __future__ import annotations

import re

_NAMES = frozenset(
    (
        ".env",
        ".envrc",
        ".git-credentials",
        ".htpasswd",
        ".my.cnf",
        ".netrc",
        ".npmrc",
        ".pgpass",
        ".pypirc",
        "_netrc",
        "credentials",
        "id_dsa",
        "id_ecdsa",
        "id_ecdsa_sk",
        "id_ed25519",
        "id_ed25519_sk",
        "id_rsa",
        "kubeconfig",
        "master.key",
        "secrets",
    )
)
_SUFFIXES = (
    ".gpg",
    ".jks",
    ".kdbx",
    ".key",
    ".keystore",
    ".p12",
    ".p8",
    ".pem",
    ".pfx",
    ".ppk",
    ".tfstate",
    ".tfstate.backup",
    ".tfvars",
)
_FOLDERS = frozenset((".aws", ".azure", ".docker", ".gnupg", ".kube", ".ssh"))
_PATTERN = re.compile(
    r"\.env\..+|.+\.env"  # .env.production, production.env
    r"|(client_|app)?(secret|credential)s?([._-].+)?\.(cfg|conf|ini|json|properties|toml|ya?ml)"
    r"|service[-_]?account.*\.json"
)
_EXAMPLE = re.compile(r"\.(example|sample|template|dist)$")


def is_sensitive(path: str, language: str = "") -> bool:
    """Whether a file holds secrets by its path (with `/` or a backslash) or by the editor's name of its language.

    A source file may speak of secrets: `secrets.py` and `credentials.go` are code and stay allowed. So are examples
    that are meant to be read, such as `.env.example`.
    """
    if language == "dotenv":
        return True
    parts = path.replace("\\", "/").lower().split("/")
    name = parts[-1]
    if _EXAMPLE.search(name):
        return False
    return (
        name in _NAMES
        or name.endswith(_SUFFIXES)
        or any(part in _FOLDERS for part in parts[:-1])
        or _PATTERN.fullmatch(name) is not None
    )
