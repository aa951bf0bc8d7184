/** Reads `npm pack --json` from stdin: nothing but what a user needs may be in the package, and all of that has to be. */
import { readFileSync } from "node:fs";

const MOST_UNPACKED_BYTES = 2 * 2 ** 20;
const ALLOWED =
  /^(dist\/.*\.(js|d\.ts|wasm|cjs|proto)|dist\/vendor\/as-bind\.LICENSE|package\.json|README\.md|LICENSE|NOTICE|CHANGELOG\.md)$/;
const FORBIDDEN = /(^|\/)(test|tests|bench|build|node_modules)\/|\.test\./;
const NEEDED = [
  "dist/index.js",
  "dist/index.d.ts",
  "dist/kernel-one.wasm",
  "dist/kernel-two.wasm",
  "dist/cli/main.js",
  "dist/serve/index.js",
  "dist/serve/index.d.ts",
  "dist/serve/grpc/open_inference_grpc.proto",
  "dist/vendor/as-bind.LICENSE",
  "LICENSE",
  "NOTICE",
];

const [{ files, unpackedSize }] = JSON.parse(readFileSync(0, "utf8"));
const paths = files.map(({ path }) => path);
const wrong = paths.filter((path) => !ALLOWED.test(path) || FORBIDDEN.test(path));
const missing = NEEDED.filter((path) => !paths.includes(path));
if (wrong.length > 0 || missing.length > 0) {
  console.error(`package: got ${wrong.join(", ") || "nothing"} that no user needs, and lacks ${missing.join(", ") || "nothing"}`);
  process.exit(1);
}
const { scripts = {} } = JSON.parse(readFileSync("package.json", "utf8"));
const install = ["preinstall", "install", "postinstall", "prepare"].filter((name) => name in scripts);
if (install.length > 0) {
  console.error(`package.json: got the install scripts ${install.join(", ")}, expected none`);
  process.exit(1);
}
if (unpackedSize > MOST_UNPACKED_BYTES) {
  console.error(`package: got ${unpackedSize} bytes unpacked, expected at most ${MOST_UNPACKED_BYTES}`);
  process.exit(1);
}
console.log(`contents: ok, ${paths.length} files, ${Math.round(unpackedSize / 1024)} KiB unpacked, no install script`);
