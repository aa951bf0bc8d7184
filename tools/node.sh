#!/usr/bin/env bash
# Prints the path of a Node 22 or 24, from the npm package `node`, installed outside of the project: it is a runtime to test on, no dependency.
#   bash tools/node.sh 22
set -euo pipefail
case "${1:-}" in
  22) version=22.23.3 ;;
  24) version=24.21.0 ;;
  *) echo "tools/node.sh: got ${1:-nothing}, expected 22 or 24" >&2; exit 2 ;;
esac
dir="${TMPDIR:-/tmp}/lagbag-node-$version"
if [ ! -x "$dir/node_modules/node/bin/node" ]; then
  mkdir -p "$dir"
  npm install --prefix "$dir" --no-save --no-audit --no-fund "node@$version" >&2
fi
echo "$dir/node_modules/node/bin/node"
