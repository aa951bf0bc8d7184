#!/usr/bin/env bash
# What `npm pack` makes: its exports (publint, attw), its contents, and that it installs in an empty project and works there, on Node 20, 22
# and 24, by import, by require, from TypeScript with either kind of module resolution, and as a command.
set -euo pipefail
root="$(cd "$(dirname "$0")/.." && pwd)"
dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
cd "$root"

npm pack --json --pack-destination "$dir" | sed -n '/^\[/,$p' >"$dir/pack.json"
tarball="$(echo "$dir"/*.tgz)"
node tools/package/contents.mjs <"$dir/pack.json"
npx publint run "$tarball" --strict
# esm-only: the package is ES modules; require() gets them too from Node 20.19 on, which by-require.cjs below shows.
npx attw "$tarball" --profile esm-only --exclude-entrypoints open_inference_grpc.proto

cd "$dir"
npm init -y >/dev/null
npm pkg set type=module >/dev/null
npm install --no-audit --no-fund --ignore-scripts "$tarball" "@types/node@$(node -p "require('$root/package.json').devDependencies['@types/node']")" >/dev/null
cp "$root"/tools/package/{by-import.mjs,by-require.cjs,consumer.ts} .
for resolution in node16 bundler; do
  module=$([ "$resolution" = node16 ] && echo node16 || echo esnext)
  "$root/node_modules/.bin/tsc" --strict --skipLibCheck false --target es2022 --lib es2022 --types node \
    --module "$module" --moduleResolution "$resolution" --outDir "out-$resolution" consumer.ts
done
# require() of ES modules, with types, as TypeScript knows it since 5.8.
cp consumer.ts consumer.cts
sed -i 's/^await main();$/void main();/' consumer.cts
"$root/node_modules/.bin/tsc" --strict --skipLibCheck false --target es2022 --lib es2022 --types node --module nodenext --outDir out-require consumer.cts

# The server's entry point.
cat >server.ts <<'TS'
import { type ServeOptions, serve } from "lagbag/serve";
const start: (options: ServeOptions) => unknown = serve;
if (typeof start !== "function") throw new Error("lagbag/serve: got no serve");
console.log("lagbag/serve: ok");
TS
"$root/node_modules/.bin/tsc" --strict --skipLibCheck false --target es2022 --lib es2022 --types node --module node16 --outDir out-node16 server.ts

for node in node "$(bash "$root/tools/node.sh" 22)" "$(bash "$root/tools/node.sh" 24)"; do
  echo "on Node $("$node" --version):"
  "$node" by-import.mjs
  "$node" by-require.cjs
  "$node" out-node16/consumer.js
  "$node" out-bundler/consumer.js
  "$node" out-require/consumer.cjs
  "$node" out-node16/server.js
  "$node" node_modules/lagbag/dist/cli/main.js --help >/dev/null
done
npx --no-install lagbag --help >/dev/null
echo "command: ok"
du -sh node_modules/lagbag node_modules | sed 's/^/installed size: /'
