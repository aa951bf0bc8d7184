import { createHash } from "node:crypto";

/** The page's style sheet. A constant, so that the policy can name its hash. */
export const STYLE = `
:root{color-scheme:light dark;--back:#fbfaf7;--ink:#1d1f24;--quiet:#6a6f7a;--line:#dedad0;--card:#fff;--write:#2f6fab;--finish:#7cb2de;--credit:#d1495b;--data:#edae49;--good:#2a7f4f;--bad:#b3261e}
@media(prefers-color-scheme:dark){:root{--back:#15171b;--ink:#e8e6e1;--quiet:#9aa0ab;--line:#31353d;--card:#1c1f25;--write:#5b9bd5;--finish:#2f5f8c;--credit:#e26d7d;--data:#d39a3a;--good:#5fc08a;--bad:#ff8a80}}
*{box-sizing:border-box}
body{margin:0;padding:1.5rem;background:var(--back);color:var(--ink);font:14px/1.45 system-ui,sans-serif}
main{max-width:72rem;margin:0 auto}
h1{font-size:1.35rem;margin:0}
h2{font-size:1.1rem;margin:0}
h3{font-size:.8rem;margin:1.25rem 0 .4rem;color:var(--quiet);font-weight:600;text-transform:uppercase;letter-spacing:.05em}
header,section>div:first-child{display:flex;gap:1rem;align-items:baseline;flex-wrap:wrap}
section{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:1rem 1.25rem;margin-top:1rem}
.quiet{color:var(--quiet)}
.good{color:var(--good);font-weight:600}
.bad{color:var(--bad);font-weight:600}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(9rem,1fr));gap:.5rem 1.5rem;margin:.9rem 0 0}
dt{color:var(--quiet);font-size:.8rem}
dd{margin:0;font-size:1.1rem;font-variant-numeric:tabular-nums}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th{font-weight:600;color:var(--quiet);text-align:left;font-size:.8rem}
th,td{padding:.2rem .9rem .2rem 0;border-bottom:1px solid var(--line);white-space:nowrap}
td.n,th.n{text-align:right}
svg{display:block;width:100%;height:auto}
svg text{fill:var(--quiet);font-size:10px}
.write{fill:var(--write)}.finish{fill:var(--finish)}.credit{fill:var(--credit)}.data{fill:var(--data)}.track{fill:var(--line);opacity:.45}
.lag{fill:none;stroke:var(--credit);stroke-width:1.5}
.key{display:inline-block;width:.7rem;height:.7rem;border-radius:2px;margin:0 .3rem 0 .9rem;vertical-align:-1px}
.key rect{width:100%;height:100%}
`;

/** No script, no request to anywhere: the page is all there is. */
export const POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");
