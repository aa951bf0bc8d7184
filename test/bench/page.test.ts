import { describe, expect, it } from "@jest/globals";
import { compareReports } from "#bench/compare/compare.js";
import { html, Markup } from "#bench/html/markup.js";
import { renderPage } from "#bench/html/page.js";
import { linearScale, logScale, tickLabel } from "#bench/html/scale.js";
import { caseReport, type Group } from "#bench/report.js";
import { group, report } from "./reports.js";

const VOID = new Set(["meta", "br", "path", "rect", "circle", "polyline"]);

/** Walks a page's tags. @throws when one closes what is not open */
function checkNesting(page: string): string[] {
  const open: string[] = [];
  const seen: string[] = [];
  for (const [, slash, name, rest] of page.matchAll(/<(\/?)([a-z0-9]+)((?:"[^"]*"|[^>"])*)>/g)) {
    seen.push(name);
    if (slash === "/") {
      const last = open.pop();
      if (last !== name) throw new Error(`</${name}> closes <${String(last)}>`);
    } else if (!rest.endsWith("/") && !(VOID.has(name) && name === "meta")) open.push(name);
  }
  if (open.length > 0) throw new Error(`left open: ${open.join(", ")}`);
  return seen;
}

const EVIL = `</title><script>alert("1")</script><img src=x onerror='y'>&amp;`;

function lagGroup(name: string): Group {
  return {
    name,
    description: "late ranks",
    facts: {},
    cases: [0, 16, 4].map((lagBound) => caseReport(`lag bound ${lagBound}`, "steps/s", [100 + lagBound, 101 + lagBound], { lagBound })),
    comparisons: [],
    timelines: [
      {
        name: "lag bound 4",
        startsMs: [
          [0, 1],
          [0.5, 2],
        ],
        endsMs: [
          [0.9, 2],
          [1.5, 3],
        ],
      },
    ],
  };
}

describe("renderPage", () => {
  const all = report([
    group("w1", { ours: [3e7, 3.1e7, 2.9e7], theirs: [4e7, 4.2e7, 3.9e7] }, { p50Us: 2, p99Us: 9, p50UsRounds: [2, 2, 2] }),
    lagGroup("rotating"),
    group("fp32", { sum: [1e7, 2e7] }, { format: "fp32", dim: 16 }),
    group("int8", { sum: [2e7, 3e7] }, { format: "int8", dim: 16 }),
    group("int8 long", { sum: [1e7, 2e7] }, { format: "int8", dim: 128 }),
  ]);

  it("is one well-formed page with a chart for every kind of figure", () => {
    const page = renderPage([all]);
    const tags = checkNesting(page);
    expect(tags.filter((tag) => tag === "html")).toHaveLength(2);
    for (const text of [
      "Rate against lag bound",
      "Throughput by dim and row format",
      "Latency percentiles",
      "when each rank's stage began",
      "rank 1",
    ]) {
      expect(page).toContain(text);
    }
  });

  it("needs nothing but itself: no script, no request", () => {
    const page = renderPage([all], { before: "old.json", what: compareReports(all, all) });
    expect(page).not.toMatch(/<(script|link|img|iframe|object|embed)\b|\ssrc=|url\(|@import|https?:/i);
    for (const [, target] of page.matchAll(/href="([^"]*)"/g)) expect(target.startsWith("#")).toBe(true);
  });

  it("has every link's target", () => {
    const page = renderPage([all, report([group("w1", { ours: [1, 2] })], { suite: "engine" })]);
    for (const [, target] of page.matchAll(/href="#([^"]*)"/g)) expect(page).toContain(`id="${target}"`);
  });

  it("escapes whatever names hold", () => {
    const evil = report([{ ...group(EVIL, { [EVIL]: [1, 2], other: [3, 4] }, { note: EVIL }), description: EVIL }], { suite: EVIL });
    const page = renderPage([evil]);
    expect(page).not.toMatch(/<script|<img/);
    checkNesting(page);
  });

  it("tells goals that were reached from those that were not", () => {
    const one = group("w1", { ours: [2, 2, 2], theirs: [1, 1, 1] });
    const [comparison] = one.comparisons;
    expect(renderPage([report([{ ...one, comparisons: [{ ...comparison, goal: 1.5 }] }])])).toContain("✓ reached");
    expect(renderPage([report([{ ...one, comparisons: [{ ...comparison, goal: 2.5 }] }])])).toContain("✗ not reached");
    const latency = { ...comparison, lowerIsBetter: true } as const;
    const page = renderPage([report([{ ...one, comparisons: [{ ...latency, goal: 2.5 }] }])]);
    for (const text of ["✓ reached", "≤ 2.5"]) expect(page).toContain(text);
    expect(renderPage([report([{ ...one, comparisons: [{ ...latency, goal: 1.5 }] }])])).toContain("✗ not reached");
  });

  it("warns of --quick and of a busy machine", () => {
    const page = renderPage([report(all.groups, { quick: true, machine: { ...all.machine, loadAverage: 7 } })]);
    expect(page).toContain("measure little");
    expect(page).toContain("expect wide spreads");
  });

  it("draws no NaN, also for rates of 0 and single rounds", () => {
    const page = renderPage([report([group("zero", { a: [0], b: [0] }, { p50Us: 1, p99Us: 1 })])]);
    expect(page.replace(/<table[\s\S]*?<\/table>/g, "")).not.toMatch(/="[^"]*NaN/);
  });
});

describe("html", () => {
  it("escapes text, keeps markup, joins arrays, leaves undefined out", () => {
    expect(html`<p title="${`"'<&`}">${[html`<b>x</b>`, "<"]}${undefined}${0}</p>`.text).toBe(
      '<p title="&quot;&#39;&lt;&amp;"><b>x</b>&lt;0</p>',
    );
    expect(html`${new Markup("<i/>")}`.text).toBe("<i/>");
  });
});

describe("scales", () => {
  it.each([0.003, 1, 7, 103, 9_999, 1.2e9])("hold %p on a linear axis with 2 to 7 ticks", (most) => {
    const { at, ticks } = linearScale(most, [100, 200]);
    expect(at(0)).toBe(100);
    expect(at(most)).toBeLessThanOrEqual(200.001);
    expect(at(most)).toBeGreaterThan(165);
    expect(ticks.length).toBeGreaterThanOrEqual(2);
    expect(ticks.length).toBeLessThanOrEqual(7);
  });

  it.each([
    [1, 1],
    [0.5, 3],
    [2, 90_000],
  ])("hold %p to %p on a logarithmic axis", (least, most) => {
    const { at, ticks } = logScale([least, most], [0, 100]);
    expect(at(least)).toBeGreaterThanOrEqual(-0.001);
    expect(at(most)).toBeLessThanOrEqual(100.001);
    for (const [n, tick] of ticks.entries()) if (n > 0) expect(tick).toBeGreaterThan(ticks[n - 1]);
  });

  it("label ticks shortly", () => {
    expect([0, 0.25, 200, 2500, 40_000, 3e6].map(tickLabel)).toEqual(["0", "0.25", "200", "2.5k", "40k", "3M"]);
  });
});
