#!/usr/bin/env bash
# The status page in a real browser: Debian's chromium, headless. Needs a built package; installs chromium with apt if it is missing and it may.
# usage: tools/e2e/page.sh [SCREENSHOT.png]
set -euo pipefail
cd "$(dirname "$0")/../.."

command -v chromium >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; }
folder="$(mktemp -d)"
screenshot="${1:-$folder/page.png}"
pid=
cleanup() {
  [ -z "$pid" ] || kill "$pid" 2>/dev/null || true
  rm -rf "$folder"
}
trap cleanup EXIT
node tools/e2e/page-server.mjs >"$folder/url" &
pid=$!
for _ in $(seq 300); do
  [ -s "$folder/url" ] && break
  kill -0 "$pid" || { echo "the server ended"; exit 1; }
  sleep 0.1
done
url="$(cat "$folder/url")"
browser() {
  timeout 60 chromium --headless=new --no-sandbox --disable-gpu --user-data-dir="$folder/profile" --enable-logging=stderr --v=0 "$@" "$url" 2>"$folder/log"
}
browser --dump-dom >"$folder/dom"
# What the browser would not do, or would have fetched from elsewhere, it says on its console.
if grep -iE 'Content Security Policy|Refused to|CONSOLE.*error' "$folder/log"; then echo "the browser complains"; exit 1; fi
for part in '<h1>lagbag ' 'READY' 'rank 1' 'aria-label="What each rank did, second by second"' 'aria-label="Lag of the slowest rank"' '<td>users</td>' '<td>items</td>' '&lt;odd&gt;'; do
  grep -qF -- "$part" "$folder/dom" || { echo "page: got none of: $part"; exit 1; }
done
# The style sheet is applied: the policy names its hash.
browser --window-size=1180,1000 --hide-scrollbars --screenshot="$screenshot" >/dev/null
node tools/e2e/screenshot-colours.mjs "$screenshot"
echo "page: ok"
