#!/usr/bin/env bash
# Runs each example as a user would: copied to an empty folder, with what `npm pack` makes, by the command of its README. Each checks its own answers.
#   bash tools/e2e/examples.sh [NAME...]        default: all
set -euo pipefail
root="$(cd "$(dirname "$0")/../.." && pwd)"
dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
cd "$root"
npm pack --silent --pack-destination "$dir" >/dev/null
tarball="$(echo "$dir"/*.tgz)"

run_example() { # name, npm script
  cp -r "$root/examples/$1" "$dir/$1"
  cd "$dir/$1"
  npm pkg set "dependencies.lagbag=file:$tarball" >/dev/null
  npm install --ignore-scripts --no-audit --no-fund >/dev/null
  timeout 120 npm run --silent "$2"
}

[ $# -gt 0 ] || set -- fastify-service onnx-worker triton-client
for name in "$@"; do
  case "$name" in
    fastify-service) run_example fastify-service demo ;;
    onnx-worker | triton-client) run_example "$name" start ;;
    *) echo "tools/e2e/examples.sh: got $name, expected fastify-service, onnx-worker or triton-client" >&2; exit 2 ;;
  esac
done
