import type { IncomingMessage, ServerResponse } from "node:http";
import type { Access } from "../access.js";
import type { Inference } from "../inference.js";
import { wantsBinary } from "../protocol/request.js";
import { invalid } from "../protocol/request-error.js";
import { type RestAnswer, writeRestAnswer } from "../protocol/rest-answer.js";
import { RestRequestReader } from "../protocol/rest-request.js";
import { show } from "../protocol/tensors.js";
import { readBody } from "./body.js";
import { writeError } from "./error.js";

const HEADER_LENGTH = "inference-header-content-length";
const ROUTE = /^\/v2\/models\/([^/?]+)(?:\/versions\/([^/?]+))?\/infer(?:\?.*)?$/;

/** POST /v2/models/M[/versions/V]/infer: the one route that is hot, straight on Node's server; all others are fastify's. */
export class InferRoute {
  /** Answers tell their connections that they are the last. */
  draining = false;
  readonly #inference: Inference;
  readonly #access: Access;
  readonly #reader: RestRequestReader;

  constructor(inference: Inference, access: Access) {
    this.#inference = inference;
    this.#access = access;
    this.#reader = new RestRequestReader(inference.parts.limits);
  }

  /** Answers the request if it is an inference, and says whether it is. */
  take(request: IncomingMessage, response: ServerResponse): boolean {
    if (request.method !== "POST") return false;
    const match = ROUTE.exec(request.url ?? "");
    if (match === null) return false;
    void this.#answer(request, response, match);
    return true;
  }

  async #answer(request: IncomingMessage, response: ServerResponse, [, model, version = ""]: RegExpExecArray): Promise<void> {
    const { limits, budget, log } = this.#inference.parts;
    let body: Buffer | undefined;
    try {
      this.#access.check(request.headers.authorization);
      body = await readBody(request, limits, budget);
      const given = body;
      await this.#inference.run({
        wire: "rest",
        arrivedMs: performance.now(),
        carrier: () => request.headers,
        read: (find) => ({ model: find(decode(model), decode(version)), request: this.#reader.read(given, headerBytes(request)) }),
        signal: () => goneSignal(response),
        // Sent here and now: what is to be counted is counted while the answer is on its way.
        write: (values, asked) => this.#write(response, writeRestAnswer(values, wantsBinary(asked))),
      });
    } catch (error) {
      writeError(response, error, { log, url: request.url, last: this.draining });
    } finally {
      if (body !== undefined) budget.give(body.length);
    }
  }

  #write(response: ServerResponse, { body, headerBytes: bytes }: RestAnswer): void {
    if (response.destroyed) return;
    const type = bytes === undefined ? "application/json" : "application/octet-stream";
    const headers = ["content-type", type, "content-length", String(body.length)];
    if (bytes !== undefined) headers.push(HEADER_LENGTH, String(bytes));
    if (this.draining) headers.push("connection", "close");
    response.writeHead(200, headers);
    response.end(body);
  }
}

/** A part of a path. @throws RequestError */
function decode(part: string): string {
  if (!part.includes("%")) return part;
  try {
    return decodeURIComponent(part);
  } catch {
    throw invalid(`path: got ${show(part)}, expected percent-encoded UTF-8`);
  }
}

/** @throws RequestError */
function headerBytes({ headers }: IncomingMessage): number | undefined {
  const text = headers[HEADER_LENGTH];
  if (text === undefined) return undefined;
  if (typeof text !== "string" || !/^\d{1,15}$/.test(text)) {
    throw invalid(`Inference-Header-Content-Length: got ${show(String(text))}, expected bytes of JSON`);
  }
  return Number(text);
}

/** Fires when the client closes its connection before the answer is out. */
function goneSignal(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  const gone = (): void => controller.abort(new Error("the client closed its connection"));
  response.once("close", () => {
    if (!response.writableFinished) gone();
  });
  if (response.destroyed) gone();
  return controller.signal;
}
