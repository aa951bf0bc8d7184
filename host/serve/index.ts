export type { ModelSource } from "./model/model.js";
export type { ServeOptions } from "./options.js";
export type { Limits } from "./protocol/limits.js";
export { type ServeHandle, serve } from "./server.js";
