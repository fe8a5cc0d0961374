#!/usr/bin/env bash
# Bubblewrap, by which generated code is run apart where it is there; its tests are skipped by name where it is not.
#
# Does nothing where it is installed, off Linux, and for whoever may not install packages; never fails for it.
set -euo pipefail
if command -v bwrap >/dev/null || [ "$(uname)" != Linux ] || [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  exit 0
fi
echo "[sandbox] bubblewrap" >&2
{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends bubblewrap; } \
  >/dev/null 2>&1 || echo "[sandbox] it could not be installed: the tests that need it are skipped" >&2
