/** Puts as-bind's host side (11 KB, MIT) beside the built host: as a dependency it would bring the whole compiler, 22 MB. */
import { copyFileSync, mkdirSync } from "node:fs";

mkdirSync("dist/vendor", { recursive: true });
copyFileSync("node_modules/as-bind/dist/as-bind.cjs.js", "dist/vendor/as-bind.cjs");
copyFileSync("node_modules/as-bind/LICENSE", "dist/vendor/as-bind.LICENSE");
