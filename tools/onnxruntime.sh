#!/usr/bin/env bash
# Prints the folder of onnxruntime-node, installed outside of the project: tests compare with it, it is no dependency. Without its install
# script, which downloads libraries for GPUs; the one for the CPU is in the package.
set -euo pipefail
version=1.30.0
dir="${TMPDIR:-/tmp}/lagbag-onnxruntime-$version"
if [ ! -e "$dir/node_modules/onnxruntime-node/package.json" ]; then
  fresh="$(mktemp -d "$dir.XXXXXX")"
  trap 'rm -rf "$fresh"' EXIT
  npm install --prefix "$fresh" --no-save --no-audit --no-fund --ignore-scripts "onnxruntime-node@$version" >&2
  # Whole or not at all, also when two install at once: the later one finds the name taken.
  mv -T "$fresh" "$dir" 2>/dev/null || [ -e "$dir/node_modules/onnxruntime-node/package.json" ]
fi
echo "$dir/node_modules/onnxruntime-node"
