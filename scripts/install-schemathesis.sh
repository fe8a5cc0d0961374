#!/usr/bin/env bash
# schemathesis, which sends what an OpenAPI document allows and what it does not, in a virtual environment of its own:
# its pytest plugin would meddle with our tests.
#
# usage: scripts/install-schemathesis.sh [PREFIX]      default ~/.cache/beastmode-schemathesis
#
# Prints PREFIX to stdout; PREFIX/bin/schemathesis is the program. A second run with an unchanged script answers at once.
set -euo pipefail
SCHEMATHESIS=4.32.5

P=${1:-${BEASTMODE_SCHEMATHESIS:-${XDG_CACHE_HOME:-$HOME/.cache}/beastmode-schemathesis}}
mkdir -p "$P" && P=$(cd "$P" && pwd)
stamp=$(sha256sum "$0" | cut -c1-16)
if [ -e "$P/.ok-$stamp" ]; then echo "$P"; exit; fi

exec 9>"$P/.lock"
flock 9   # two runs at once would step on each other
if [ ! -e "$P/.ok-$stamp" ]; then
  echo "[schemathesis] $SCHEMATHESIS (about 20 seconds)" >&2
  { "${PYTHON:-python3}" -m venv "$P" &&
    "$P/bin/pip" install -q --disable-pip-version-check "schemathesis==$SCHEMATHESIS"; } >"$P/install.log" 2>&1 ||
    { tail -20 "$P/install.log" >&2; echo "[schemathesis] failed (whole log: $P/install.log)" >&2; exit 1; }
  touch "$P/.ok-$stamp"
fi
echo "$P"
