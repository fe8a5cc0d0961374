#!/usr/bin/env bash
# What the team's gateway stands on, for the tests that run it: PostgreSQL, nginx and HAProxy, as Debian packages them.
#
# usage: scripts/install-services.sh
#
# Installs what is missing and starts none of it: the tests run servers of their own, in private folders and on private
# ports. A second run answers at once. Needs apt and root; elsewhere install them yourself, or those tests are skipped.
set -euo pipefail

missing=()
compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || missing+=(postgresql)
for name in nginx haproxy; do [ -x "/usr/sbin/$name" ] || missing+=("$name"); done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "[services] not installed: ${missing[*]} (that needs apt and root); their tests are skipped" >&2
  exit 0
fi
echo "[services] ${missing[*]} (about half a minute)" >&2
log=$(mktemp)
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1   # runlevel 1: the packages start no service
{ apt-get update && apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 ||
  { tail -20 "$log" >&2; echo "[services] failed (whole log: $log)" >&2; exit 1; }
rm "$log"
