import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { ask, inferText } from "./rest-client.js";

const MAIN = fileURLToPath(new URL("../../../dist/cli/main.js", import.meta.url));
const ROWS = Float32Array.from({ length: 20 }, (_, n) => n);
let folder: string;
const children: ChildProcess[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "lagbag-serve-"));
  const head = JSON.stringify({ t: { dtype: "F32", shape: [10, 2], data_offsets: [0, 80] } });
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(head.length));
  writeFileSync(join(folder, "m.safetensors"), Buffer.concat([size, Buffer.from(head), Buffer.from(ROWS.buffer)]));
  writeFileSync(join(folder, "broken.safetensors"), Buffer.from("no table at all"));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Run {
  child: ChildProcess;
  out: () => string;
  err: () => string;
  /** Resolves when stdout has this text; rejects when the process ends before. */
  says: (text: string) => Promise<void>;
  ended: Promise<number | null>;
}

function start(...args: string[]): Run {
  const child = spawn(process.execPath, [MAIN, "serve", ...args], { env: { ...process.env, LAGBAG_TOKEN: undefined } });
  children.push(child);
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
  });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const says = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (out.includes(text)) resolve();
      };
      child.stdout.on("data", look);
      look();
      ended.then((code) => reject(new Error(`it ended with ${code}: ${err}`)));
    });
  return { child, out: () => out, err: () => err, says, ended };
}

const ANY_PORTS = ["--port", "0", "--grpc-port", "0", "--metrics-port", "0"];

describe("lagbag serve", () => {
  test("serves a file, says where, drains on SIGTERM and ends with 0", async () => {
    const run = start("--tables", join(folder, "m.safetensors"), ...ANY_PORTS);
    await run.says("ready\n");
    const restUrl = /^REST (\S+)$/m.exec(run.out())?.[1] ?? "";
    const inputs = [
      { name: "INDICES", datatype: "INT64", shape: [2], data: [3, 4] },
      { name: "LENGTHS", datatype: "INT32", shape: [1], data: [2] },
    ];
    const { json } = await ask({ restUrl }, "/v2/models/m/infer", { body: inferText({ inputs }) });
    expect(json.outputs[0].data).toEqual([14, 16]);
    run.child.kill("SIGTERM");
    expect(await run.ended).toBe(0);
    const lines = run
      .err()
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { msg: string });
    expect(lines.map(({ msg }) => msg)).toEqual(expect.arrayContaining(["loading", "listening", "loaded", "draining", "closed"]));
  });

  test("a config, a token, and what they change", async () => {
    const config = join(folder, "lagbag.json");
    const token = join(folder, "token");
    writeFileSync(config, JSON.stringify({ models: { m: { version: "7", features: [{ name: "f", table: "t", pooling: "mean" }] } } }));
    writeFileSync(token, "secret\n");
    const run = start(
      "--tables",
      join(folder, "m.safetensors"),
      "--config",
      config,
      "--token-file",
      token,
      "--log-level",
      "silent",
      ...ANY_PORTS,
    );
    await run.says("ready\n");
    const restUrl = /^REST (\S+)$/m.exec(run.out())?.[1] ?? "";
    expect((await ask({ restUrl }, "/v2/models/m")).status).toBe(401);
    const { json } = await ask({ restUrl }, "/v2/models/m", { headers: { authorization: "Bearer secret" } });
    expect(json.versions).toEqual(["7"]);
    run.child.kill("SIGINT");
    expect(await run.ended).toBe(0);
    expect(run.err()).toBe("");
  });

  test("a second signal ends it at once", async () => {
    const run = start("--tables", join(folder, "m.safetensors"), ...ANY_PORTS);
    await run.says("ready\n");
    const { port } = new URL(/^REST (\S+)$/m.exec(run.out())?.[1] ?? "");
    // A request that never ends keeps the drain waiting.
    const socket = (await import("node:net")).connect(Number(port), "127.0.0.1");
    socket.on("error", () => {});
    await new Promise((resolve) => socket.once("connect", resolve));
    socket.write("POST /v2/models/m/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nx");
    await new Promise((resolve) => setTimeout(resolve, 100));
    run.child.kill("SIGTERM");
    for (let tries = 0; tries < 200 && !run.err().includes('"draining"'); tries += 1)
      await new Promise((resolve) => setTimeout(resolve, 10));
    run.child.kill("SIGTERM");
    expect(await run.ended).toBe(1);
    socket.destroy();
  });

  test("--help tells every flag", async () => {
    const run = start("--help");
    expect(await run.ended).toBe(0);
    for (const flag of ["--tables", "--config", "--grpc-port", "--token-file", "--drain-timeout-ms", "--insecure"])
      expect(run.out()).toContain(flag);
  });

  test.each([
    ["no tables", [], 2, "lagbag: --tables: got nothing"],
    ["an unknown flag", ["--tabels", "x"], 2, "lagbag: Unknown option '--tabels'"],
    ["a port that is none", ["--tables", "x", "--port", "http"], 2, "lagbag: --port: got http, expected a whole number from 0"],
    [
      "a port out of range",
      ["--tables", "m.safetensors", "--grpc-port", "70000"],
      1,
      "lagbag: --grpc-port: got 70000, expected an integer from 0 to 65535",
    ],
    ["a log level that is none", ["--tables", "x", "--log-level", "loud"], 2, "lagbag: --log-level: got loud"],
    ["a certificate without its key", ["--tables", "x", "--tls-cert", "c.pem"], 2, "lagbag: --tls-key: got nothing"],
    ["a token file that is not there", ["--tables", "x", "--token-file", "none"], 1, "lagbag: --token-file: none cannot be read"],
    [
      "a public address",
      ["--tables", "m.safetensors", "--host", "0.0.0.0"],
      1,
      "lagbag: --host: got 0.0.0.0, which others reach, without TLS and a token",
    ],
    ["tables that are not there", ["--tables", "none"], 1, "no such file or folder"],
    ["a broken file", ["--tables", "broken.safetensors"], 1, "broken.safetensors"],
  ])("%s: one line, and no server", async (_, args, code, message) => {
    const known = args.map((arg) => (arg.endsWith(".safetensors") ? join(folder, arg) : arg));
    const run = start(...known);
    expect(await run.ended).toBe(code);
    expect(run.err()).toContain(message);
    expect(run.err().trim().split("\n").length).toBe(1);
  });

  test("a port in use: one line that names the flag", async () => {
    const taken = createServer();
    const port = await new Promise<number>((resolve) =>
      taken.listen(0, "127.0.0.1", () => resolve((taken.address() as { port: number }).port)),
    );
    const run = start(
      "--tables",
      join(folder, "m.safetensors"),
      "--port",
      "0",
      "--grpc-port",
      String(port),
      "--metrics-port",
      "0",
      "--log-level",
      "silent",
    );
    expect(await run.ended).toBe(1);
    expect(run.err()).toBe(`lagbag: --grpc-port: 127.0.0.1:${port} is in use; choose another, 0 is any free one\n`);
    taken.close();
  });
});
