#!/usr/bin/env bash
# Installs what `npm pack` makes into an empty project, and looks something up with import and with require.
set -euo pipefail
root="$(cd "$(dirname "$0")/.." && pwd)"
dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
cd "$root"
tarball="$(npm pack --silent --ignore-scripts --pack-destination "$dir")"
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --ignore-scripts "./$tarball" >/dev/null
lookup='const engine = await openEngine({ ranks: 2, tables: [{ name: "t", numRows: 4, dim: 2, rows: Float32Array.of(0, 1, 2, 3, 4, 5, 6, 7) }] });
  const result = await engine.lookup({ batchSize: 1, indices: Int32Array.of(1, 3), offsets: Int32Array.of(0, 2) });
  if (result.values.join() !== "8,10") throw new Error(`got ${result.values.join()}, expected 8,10`);
  await engine.close();'
printf 'import { openEngine } from "lagbag";\n%s\nconsole.log("import: ok");\n' "$lookup" > by-import.mjs
printf 'const { openEngine } = require("lagbag");\n(async () => {\n%s\nconsole.log("require: ok");\n})();\n' "$lookup" > by-require.cjs
node by-import.mjs
node by-require.cjs
du -sh node_modules | cut -f1 | sed 's/^/installed size, with dependencies: /'
