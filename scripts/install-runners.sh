#!/usr/bin/env bash
# The JavaScript test runners that the tests of tasks/verify drive, from the package registry that this machine uses.
#
# usage: scripts/install-runners.sh [PREFIX]      default ~/.cache/beastmode-runners
#
# Prints PREFIX to stdout; PREFIX/node_modules has vitest, jest and mocha. A second run with an unchanged script answers
# at once. Needs npm: the system's, or that of scripts/install-editors.sh.
set -euo pipefail
VITEST=3.2.7 JEST=30.5.2 MOCHA=11.8.0

P=${1:-${BEASTMODE_RUNNERS:-${XDG_CACHE_HOME:-$HOME/.cache}/beastmode-runners}}
mkdir -p "$P" && P=$(cd "$P" && pwd)
stamp=$(sha256sum "$0" | cut -c1-16)
if [ -e "$P/.ok-$stamp" ]; then echo "$P"; exit; fi

exec 9>"$P/.lock"
flock 9   # two runs at once would step on each other
if [ ! -e "$P/.ok-$stamp" ]; then
  command -v npm >/dev/null || PATH="$("$(dirname "$0")/install-editors.sh" --only-node)/bin:$PATH"
  echo "[runners] vitest $VITEST, jest $JEST, mocha $MOCHA (about half a minute)" >&2
  npm install --prefix "$P" --no-save --no-audit --no-fund --ignore-scripts \
    vitest@$VITEST @vitest/coverage-v8@$VITEST jest@$JEST mocha@$MOCHA >"$P/install.log" 2>&1 ||
    { tail -20 "$P/install.log" >&2; echo "[runners] failed (whole log: $P/install.log)" >&2; exit 1; }
  touch "$P/.ok-$stamp"
fi
echo "$P"
