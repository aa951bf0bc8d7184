/** For page.sh: a page with its style sheet has more colours than black on white. Reads a PNG of 8-bit RGB or RGBA. */
import { readFileSync } from "node:fs";
import { inflateSync } from "node:zlib";

const png = readFileSync(process.argv[2]);
const parts = [];
let channels = 4;
let width = 0;
for (let at = 8; at < png.length; ) {
  const length = png.readUInt32BE(at);
  const type = png.toString("latin1", at + 4, at + 8);
  const data = png.subarray(at + 8, at + 8 + length);
  if (type === "IHDR") {
    width = data.readUInt32BE(0);
    channels = data[9] === 6 ? 4 : 3;
  } else if (type === "IDAT") parts.push(data);
  at += 12 + length;
}
const bytes = inflateSync(Buffer.concat(parts));
const stride = width * channels + 1;
const colours = new Set();
let above = Buffer.alloc(stride);
for (let at = 0; at + stride <= bytes.length; at += stride) {
  const row = Buffer.from(bytes.subarray(at, at + stride));
  for (let n = 1; n < stride; n += 1) {
    const left = n > channels ? row[n - channels] : 0;
    const up = above[n];
    const corner = n > channels ? above[n - channels] : 0;
    row[n] = (row[n] + [0, left, up, (left + up) >> 1, paeth(left, up, corner)][row[0]]) & 0xff;
  }
  for (let n = 1; n < stride; n += channels) colours.add((row[n] << 16) | (row[n + 1] << 8) | row[n + 2]);
  above = row;
}
function paeth(a, b, c) {
  const [da, db, dc] = [Math.abs(b - c), Math.abs(a - c), Math.abs(a + b - 2 * c)];
  return da <= db && da <= dc ? a : db <= dc ? b : c;
}
// The page's background, a rank's waiting or pooling, the green of "ready", in the light scheme.
const wanted = { background: 0xfbfaf7, good: 0x2a7f4f, waiting: 0xedae49 };
for (const [name, colour] of Object.entries(wanted)) {
  if (!colours.has(colour)) throw new Error(`screenshot: got no pixel of ${name} (#${colour.toString(16)})`);
}
console.log(`screenshot: ${colours.size} colours, the style sheet's among them`);
