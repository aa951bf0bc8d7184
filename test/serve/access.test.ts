import { readFileSync } from "node:fs";
import { request as httpsRequest } from "node:https";
import { createServer } from "node:net";
import { credentials } from "@grpc/grpc-js";
import { describe, expect, test } from "@jest/globals";
import { serve } from "lagbag/serve";
import { isLoopback } from "#host/serve/access.js";
import { seededRandom } from "../cases.js";
import { GrpcClient } from "./grpc-client.js";
import { ask } from "./rest-client.js";
import { serveSomewhere, testModel, withServer } from "./serving.js";

const model = testModel(seededRandom(55), "m");
const pem = (name: string): Buffer => readFileSync(new URL(`../../../test/serve/tls/${name}.pem`, import.meta.url));
const tls = { cert: pem("cert"), key: pem("key") };

/** The status of a GET over TLS that trusts the tests' certificate. */
function getTls(url: string, headers: Record<string, string> = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest(url, { ca: tls.cert, headers, agent: false }, (reply) => {
      reply.resume();
      reply.once("end", () => resolve(reply.statusCode ?? 0));
    });
    request.once("error", reject);
    request.end();
  });
}

describe("TLS and a token", () => {
  test("are asked for on all three ports; probes stay open", async () => {
    await withServer({ models: [model.source], tls, token: "secret" }, async (handle) => {
      const good = { authorization: "Bearer secret" };
      for (const path of ["/v2", "/v2/models/m", "/v2/models/none", "/"]) {
        expect(await getTls(handle.restUrl + path)).toBe(401);
        expect(await getTls(handle.restUrl + path, { authorization: "Bearer secreT" })).toBe(401);
        expect(await getTls(handle.restUrl + path, { authorization: "secret" })).toBe(401);
        expect(await getTls(handle.restUrl + path, good)).toBe(path.endsWith("none") ? 404 : 200);
      }
      expect(await getTls(`${handle.restUrl}/v2/health/live`)).toBe(200);
      expect(await getTls(`${handle.restUrl}/v2/health/ready`)).toBe(200);
      expect(await getTls(handle.metricsUrl)).toBe(401);
      expect(await getTls(handle.metricsUrl, good)).toBe(200);

      const client = new GrpcClient(handle.grpcAddress, credentials.createSsl(tls.cert));
      expect(await client.call("ServerLive")).toEqual({ live: true });
      expect(await client.call("ServerReady")).toEqual({ ready: true });
      for (const method of ["ServerMetadata", "ModelInfer", "ModelReady"]) {
        expect(await client.refusal(method, {})).toContain("16 UNAUTHENTICATED: authorization: got no valid token");
      }
      expect(await client.refusal("ServerMetadata", {}, { metadata: { authorization: "Bearer other" } })).toContain("16 UNAUTHENTICATED");
      expect(await client.call("ServerMetadata", {}, { metadata: good })).toMatchObject({ name: "lagbag" });
      client.close();
    });
  });

  test("a token alone works on loopback, REST says how it is shown", async () => {
    await withServer({ models: [model.source], token: "t" }, async (handle) => {
      const refused = await ask(handle, "/v2");
      expect([refused.status, refused.headers.get("www-authenticate"), refused.json.error]).toEqual([
        401,
        "Bearer",
        expect.stringContaining("expected Authorization: Bearer TOKEN"),
      ]);
      expect((await ask(handle, "/v2", { headers: { authorization: "bearer t" } })).status).toBe(200);
    });
  });

  test.each([
    ["without both", {}, "without TLS and a token"],
    ["without a token", { tls }, "without a token"],
    ["without TLS", { token: "t" }, "without TLS"],
  ])("a public address %s is refused", async (_, more, message) => {
    await expect(serveSomewhere({ models: [model.source], host: "0.0.0.0", ...more })).rejects.toMatchObject({
      code: "EMBEDDING_OPTIONS",
      message: expect.stringContaining(message),
    });
  });

  test("and allowed when it is asked for", async () => {
    await withServer({ models: [model.source], host: "0.0.0.0", insecure: true }, async ({ restUrl }) => {
      expect((await ask({ restUrl: restUrl.replace("0.0.0.0", "127.0.0.1") }, "/v2")).status).toBe(200);
    });
  });

  test("loopback is 127/8, ::1 and localhost", () => {
    expect(["127.0.0.1", "127.9.9.9", "::1", "localhost"].map(isLoopback)).toEqual([true, true, true, true]);
    expect(["0.0.0.0", "::", "10.0.0.1", "127.0.0.1.example.com", "1270.0.0.1", ""].map(isLoopback)).toEqual(new Array(6).fill(false));
  });
});

describe("ports", () => {
  test.each(["port", "grpcPort", "metricsPort"])("%s in use: one clear line, and the other ports are given back", async (name) => {
    const taken = createServer();
    const port = await new Promise<number>((resolve) =>
      taken.listen(0, "127.0.0.1", () => resolve((taken.address() as { port: number }).port)),
    );
    const message = `${name}: 127.0.0.1:${port} is in use; choose another, 0 is any free one`;
    await expect(serveSomewhere({ models: [model.source], [name]: port })).rejects.toMatchObject({ code: "EMBEDDING_OPTIONS", message });
    taken.close();
  });

  test.each([
    ["port", { port: 70_000 }, "port: got 70000, expected an integer from 0 to 65535"],
    ["no models", { models: [] }, "models: got none"],
    ["a model twice", { models: [model.source, model.source] }, 'models: got "m/1" twice'],
    ["a version that is none", { models: [{ ...model.source, version: "one" }] }, 'model version: got "one"'],
    [
      "a feature of no table",
      { models: [{ ...model.source, features: [{ name: "f", table: "none" }] }] },
      'got table "none", expected one of users, items, places',
    ],
    ["an empty token", { token: "" }, "token: got an empty one"],
  ])("options that are wrong: %s", async (_, more, message) => {
    await expect(serve({ models: [model.source], port: 0, grpcPort: 0, metricsPort: 0, ...more })).rejects.toMatchObject({
      code: "EMBEDDING_OPTIONS",
      message: expect.stringContaining(message),
    });
  });
});
