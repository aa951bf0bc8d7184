#!/usr/bin/env bash
# Builds native/hugepages with a C compiler and Node's headers alone, where node-gyp would put it. Exits with 3, and says why, when
# this machine has not what it takes; the engine works without it.
set -euo pipefail
cd "$(dirname "$0")/../native/hugepages"

lacking() { printf 'no helper built: %s\n' "$*"; exit 3; }

[ "$(uname -s)" = Linux ] || lacking "it is for Linux, this is $(uname -s)"
compiler="$(command -v "${CC:-cc}" || command -v gcc || true)"
[ -n "$compiler" ] || lacking "found no C compiler (CC, cc, gcc)"
headers=
for candidate in "${NODE_HEADERS:-}" "$(dirname "$(dirname "$(node -p process.execPath)")")/include/node" /usr/include/node /usr/local/include/node \
  "$HOME/.cache/node-gyp/$(node -p process.versions.node)/include/node"; do
  if [ -n "$candidate" ] && [ -f "$candidate/node_api.h" ]; then headers="$candidate"; break; fi
done
[ -n "$headers" ] || lacking "found no node_api.h (NODE_HEADERS, beside node, /usr/include/node, node-gyp's cache)"

mkdir -p build/Release
# To a name of its own first: a process that has the old one loaded keeps it.
"$compiler" -O2 -Wall -Wextra -Werror -shared -fPIC "-I$headers" -o build/Release/hugepages.node.new hugepages.c
mv build/Release/hugepages.node.new build/Release/hugepages.node
