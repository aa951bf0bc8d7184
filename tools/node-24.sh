#!/usr/bin/env bash
# Prints the path of a Node 24, from the npm package `node`, installed outside of the project: it is a runtime to test on, no dependency.
set -euo pipefail
version=24.21.0
dir="${TMPDIR:-/tmp}/lagbag-node-$version"
if [ ! -x "$dir/node_modules/node/bin/node" ]; then
  mkdir -p "$dir"
  npm install --prefix "$dir" --no-save --no-audit --no-fund "node@$version" >&2
fi
echo "$dir/node_modules/node/bin/node"
