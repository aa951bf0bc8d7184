import { describe, expect, it } from "@jest/globals";
import { planTables } from "#host/plan/plan.js";
import { equalTables } from "./tables.js";

describe("a plan as text", () => {
  it("shows owners, predicted loads and the imbalance in aligned columns", () => {
    const plan = planTables(
      [
        { name: "user", numRows: 1_000_000, dim: 64, lookupsPerSample: 32 },
        { name: "item", numRows: 200_000, dim: 64, sharding: { by: "row", shards: 2 } },
        { name: "country", numRows: 250, dim: 8 },
      ],
      { ranks: 2 },
    );
    expect(String(plan)).toBe(
      [
        "table      rows x dim  cut          ranks    MiB",
        "user     1000000 x 64  2 by column  0-1    244.1",
        "item      200000 x 64  2 by row     0-1     48.8",
        "country       250 x 8  whole        0        0.0",
        "",
        "rank    MiB  lookups/sample  bytes/sample  share of mean",
        "   0  146.5            33.5          4288           1.01",
        "   1  146.5            32.5          4224           0.99",
        "",
        "imbalance (largest / mean): gathered bytes 1.01, table bytes 1.00",
      ].join("\n"),
    );
  });

  it("is not enumerable, so that plans compare and clone as data", () => {
    const plan = planTables(equalTables(2, { numRows: 10, dim: 4 }), { ranks: 2 });
    expect(Object.keys(plan)).not.toContain("toString");
    expect(`${plan}`).toContain("imbalance");
  });

  it("sums up the smaller ones of 788 tables", () => {
    const text = String(planTables(equalTables(788, { numRows: 1000, dim: 16 }), { ranks: 8 }));
    expect(text).toContain("... and 748 smaller tables, 0 of them cut, 45.7 MiB");
    expect(text.split("\n").length).toBeLessThan(60);
  });

  it("shortens long names and long lists of ranks", () => {
    const name = "x".repeat(500);
    const text = String(planTables([{ name, numRows: 1e6, dim: 4096, sharding: { by: "row", shards: 200 } }], { ranks: 64 }));
    for (const line of text.split("\n")) expect(line.length).toBeLessThan(120);
  });

  it("has no share to show where nothing is gathered", () => {
    const text = String(planTables(equalTables(2, { numRows: 10, dim: 4, lookupsPerSample: 0 }), { ranks: 2 }));
    expect(text).not.toContain("NaN");
  });
});
