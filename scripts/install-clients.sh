#!/usr/bin/env bash
# The clients that the tests point at the gateway, unmodified, from the package registries that this machine uses: the
# OpenAI and Anthropic SDKs, `llm`, and a coding tool that speaks the Responses API.
#
# usage: scripts/install-clients.sh [PREFIX]      default ~/.cache/beastmode-clients
#
# Prints PREFIX to stdout; PREFIX/py/bin has python and llm, PREFIX/node_modules the rest. A second run with an
# unchanged script answers at once. Needs npm: the system's, or that of scripts/install-editors.sh.
set -euo pipefail
OPENAI=3.57.0 ANTHROPIC=2.14.0 LLM=0.36 OPENAI_JS=7.59.0 CODEX=0.171.0

P=${1:-${BEASTMODE_CLIENTS:-${XDG_CACHE_HOME:-$HOME/.cache}/beastmode-clients}}
mkdir -p "$P" && P=$(cd "$P" && pwd)
stamp=$(sha256sum "$0" | cut -c1-16)
if [ -e "$P/.ok-$stamp" ]; then echo "$P"; exit; fi

exec 9>"$P/.lock"
flock 9   # two runs at once would step on each other
if [ ! -e "$P/.ok-$stamp" ]; then
  command -v npm >/dev/null || PATH="$("$(dirname "$0")/install-editors.sh" --only-node)/bin:$PATH"
  echo "[clients] openai $OPENAI, anthropic $ANTHROPIC, llm $LLM, openai for npm $OPENAI_JS, codex $CODEX (a minute)" >&2
  quiet() { "$@" >>"$P/install.log" 2>&1 || { tail -20 "$P/install.log" >&2; echo "[clients] failed: $*" >&2; exit 1; }; }
  : >"$P/install.log"
  [ -x "$P/py/bin/python" ] || quiet python3 -m venv "$P/py"
  quiet "$P/py/bin/pip" install --no-input --disable-pip-version-check \
    openai==$OPENAI anthropic==$ANTHROPIC llm==$LLM numpy
  quiet npm install --prefix "$P" --no-save --no-audit --no-fund --ignore-scripts \
    openai@$OPENAI_JS @openai/codex@$CODEX
  touch "$P/.ok-$stamp"
fi
echo "$P"
