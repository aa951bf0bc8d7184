import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { createGunzip, createInflate } from "node:zlib";
import type { ByteBudget } from "../protocol/budget.js";
import type { Limits } from "../protocol/limits.js";
import { invalid, RequestError } from "../protocol/request-error.js";
import { show } from "../protocol/tensors.js";

/** Of a body that was refused so many times the limit is read and thrown away, so that the client comes to read why; then the connection ends. */
const DISCARDED_LIMITS = 16;

/**
 * Reads a body, inflated if it says gzip or deflate. Memory is taken as bytes come, never by what the headers promise. The bytes are
 * taken from the budget: whoever gets the body gives them back.
 * @throws (rejects) RequestError "too_large", "invalid", "busy", "cancelled"; nothing is taken then
 */
export function readBody(message: IncomingMessage, limits: Pick<Limits, "maxRequestBytes">, budget: ByteBudget): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const { maxRequestBytes } = limits;
    const chunks: Buffer[] = [];
    let bytes = 0;
    let isOver = false;
    let stream: Readable = message;
    const refuse = (error: RequestError): void => {
      if (isOver) return;
      isOver = true;
      budget.give(bytes);
      chunks.length = 0;
      if (stream !== message) {
        message.unpipe();
        stream.destroy();
      }
      discard(message, maxRequestBytes * DISCARDED_LIMITS);
      reject(error);
    };
    const tooLarge = (got: string): void =>
      refuse(new RequestError("too_large", `body: got ${got} bytes, expected at most ${maxRequestBytes}`));

    const declared = Number(message.headers["content-length"] ?? 0);
    if (declared > maxRequestBytes) return tooLarge(String(declared));
    try {
      stream = inflated(message);
    } catch (error) {
      return refuse(error as RequestError);
    }
    message.once("error", () => refuse(new RequestError("cancelled", "body: the client went away")));
    message.once("close", () => {
      if (!message.complete) refuse(new RequestError("cancelled", "body: the client went away"));
    });
    if (stream !== message)
      stream.once("error", (error) => refuse(invalid(`body: not ${message.headers["content-encoding"]}: ${error.message}`)));
    stream.on("data", (chunk: Buffer) => {
      if (isOver) return;
      if (bytes + chunk.length > maxRequestBytes) return tooLarge(`more than ${maxRequestBytes}`);
      try {
        budget.take(chunk.length);
      } catch (error) {
        return refuse(error as RequestError);
      }
      bytes += chunk.length;
      chunks.push(chunk);
    });
    stream.once("end", () => {
      if (isOver) return;
      isOver = true;
      resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, bytes));
    });
  });
}

/** The stream of the bytes that were meant. @throws RequestError */
function inflated(message: IncomingMessage): Readable {
  const encoding = (message.headers["content-encoding"] ?? "identity").trim().toLowerCase();
  if (encoding === "identity" || encoding === "") return message;
  if (encoding === "gzip") return message.pipe(createGunzip());
  if (encoding === "deflate") return message.pipe(createInflate());
  throw invalid(`Content-Encoding: got ${show(encoding)}, expected gzip, deflate or identity`);
}

function discard(message: IncomingMessage, limit: number): void {
  let left = limit;
  message.on("data", (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) message.destroy();
  });
  message.resume();
}
