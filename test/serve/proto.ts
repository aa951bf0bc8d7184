import { fileURLToPath } from "node:url";

/** The .proto that the package ships. */
export const PROTO = fileURLToPath(new URL("../../../dist/serve/grpc/open_inference_grpc.proto", import.meta.url));
