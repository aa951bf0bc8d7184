/** Puts beside the built host what tsc does not: as-bind's host side (11 KB, MIT; as a dependency it would bring the whole compiler, 22 MB), and the .proto. */
import { copyFileSync, mkdirSync } from "node:fs";

mkdirSync("dist/vendor", { recursive: true });
copyFileSync("node_modules/as-bind/dist/as-bind.cjs.js", "dist/vendor/as-bind.cjs");
copyFileSync("node_modules/as-bind/LICENSE", "dist/vendor/as-bind.LICENSE");

// The server's service definition, read when it starts; users make clients from it.
mkdirSync("dist/serve/grpc", { recursive: true });
copyFileSync("host/serve/grpc/open_inference_grpc.proto", "dist/serve/grpc/open_inference_grpc.proto");
