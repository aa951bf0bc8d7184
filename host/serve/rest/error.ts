import type { ServerResponse } from "node:http";
import type { Logger } from "pino";
import { STATUS, toRequestError } from "../protocol/request-error.js";

/** Writes an error as the protocol has it: a status, and a JSON object that says why. last: the connection ends with it. */
export function writeError(
  response: ServerResponse,
  cause: unknown,
  { log, url, last }: { log: Logger; url: string | undefined; last: boolean },
): void {
  const error = toRequestError(cause);
  if (error.kind === "internal") log.error({ err: cause, url }, "request failed");
  if (response.destroyed || response.headersSent) return;
  const body = JSON.stringify({ error: error.message });
  response.writeHead(STATUS[error.kind].http, {
    "content-type": "application/json; charset=utf-8",
    "content-length": Buffer.byteLength(body),
    ...(error.kind === "unauthenticated" ? { "www-authenticate": "Bearer" } : {}),
    ...(last ? { connection: "close" } : {}),
  });
  response.end(body);
}
