import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Access } from "../access.js";
import { toRequestError } from "../protocol/request-error.js";
import type { Metrics } from "./metrics.js";

/** The port that Prometheus reads: GET /metrics. */
export class MetricsServer {
  readonly #server: Server;
  readonly #metrics: Metrics;
  readonly #access: Access;

  constructor({ metrics, access, tls }: { metrics: Metrics; access: Access; tls: { cert: Buffer; key: Buffer } | undefined }) {
    this.#metrics = metrics;
    this.#access = access;
    const answer = (request: IncomingMessage, response: ServerResponse): void => void this.#answer(request, response);
    this.#server = tls === undefined ? createServer(answer) : createTlsServer(tls, answer);
  }

  /** Resolves to the port. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, host, () => {
        this.#server.off("error", reject);
        const address = this.#server.address();
        resolve(typeof address === "object" && address !== null ? address.port : port);
      });
    });
  }

  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.resume();
    try {
      this.#access.check(request.headers.authorization);
    } catch (error) {
      response.writeHead(401, { "content-type": "text/plain", "www-authenticate": "Bearer" }).end(`${toRequestError(error).message}\n`);
      return;
    }
    if (request.method !== "GET" || request.url?.split("?")[0] !== "/metrics") {
      response.writeHead(404, { "content-type": "text/plain" }).end("expected GET /metrics\n");
      return;
    }
    try {
      const text = await this.#metrics.text();
      response.writeHead(200, { "content-type": this.#metrics.contentType }).end(text);
    } catch (error) {
      response.writeHead(500, { "content-type": "text/plain" }).end(`${String(error)}\n`);
    }
  }
}
