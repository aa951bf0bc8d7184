/** Lines of a table: the first column to the left, numbers to the right, two spaces between. */
export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** Three significant digits or all before the point: 0.912, 12.3, 1,234. */
export function formatNumber(value: number): string {
  const digits = value === 0 || !Number.isFinite(value) ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** Millions of bytes. */
export function formatMB(bytes: number): string {
  return `${formatNumber(bytes / 1e6)} MB`;
}

export function formatCount(count: number): string {
  return count.toLocaleString("en-US");
}
