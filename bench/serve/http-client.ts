import { connect, type Socket } from "node:net";

const END_OF_HEAD = Buffer.from("\r\n\r\n");

/** The body of an answer, and how much of it is a JSON header (0 without one). */
export interface HttpAnswer {
  body: Buffer;
  headerBytes: number;
}

/** A POST, ready to be sent. */
export function httpRequest(path: string, body: Buffer, headers: Readonly<Record<string, string | number>>): Buffer {
  const lines = Object.entries({ host: "localhost", "content-length": body.length, ...headers }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  return Buffer.concat([Buffer.from(`POST ${path} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`), body]);
}

/**
 * One kept-alive connection that sends ready-made requests, one at a time. It knows as much of HTTP as the servers here speak: a common
 * client's parser would be a good part of what is measured.
 */
export class HttpConnection {
  readonly #socket: Socket;
  #pending: { resolve: (answer: HttpAnswer) => void; reject: (error: Error) => void } | undefined;
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** Bytes of head and body, once the head is there. */
  #wanted = 0;
  #headEnd = 0;
  #headerBytes = 0;

  private constructor(socket: Socket) {
    this.#socket = socket.setNoDelay(true);
    socket.on("data", (chunk) => this.#take(chunk));
    socket.on("error", (error) => this.#pending?.reject(error));
    socket.on("close", () => this.#pending?.reject(new Error("the server closed the connection")));
  }

  static open(port: number): Promise<HttpConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, "127.0.0.1", () => {
        socket.off("error", reject);
        resolve(new HttpConnection(socket));
      });
      socket.once("error", reject);
    });
  }

  /** @throws (rejects) when the answer's status is not 200 */
  send(request: Buffer): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      this.#pending = { resolve, reject };
      this.#socket.write(request);
    });
  }

  close(): void {
    this.#pending = undefined;
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#wanted === 0) this.#readHead();
    if (this.#wanted === 0 || this.#bytes < this.#wanted) return;
    const all = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks, this.#bytes);
    const answer = { body: all.subarray(this.#headEnd, this.#wanted), headerBytes: this.#headerBytes };
    const pending = this.#pending;
    this.#pending = undefined;
    this.#chunks = [];
    this.#bytes = 0;
    this.#wanted = 0;
    pending?.resolve(answer);
  }

  #readHead(): void {
    const all = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks, this.#bytes);
    this.#chunks = [all];
    const end = all.indexOf(END_OF_HEAD);
    if (end < 0) return;
    const head = all.toString("latin1", 0, end).toLowerCase();
    if (!head.startsWith("http/1.1 200")) this.#pending?.reject(new Error(head.slice(0, 200)));
    this.#headEnd = end + END_OF_HEAD.length;
    this.#wanted = this.#headEnd + field(head, "\r\ncontent-length: ");
    this.#headerBytes = field(head, "\r\ninference-header-content-length: ");
  }
}

function field(head: string, name: string): number {
  const at = head.indexOf(name);
  return at < 0 ? 0 : Number.parseInt(head.slice(at + name.length), 10);
}
