/** Lines of a table: text to the left, figures to the right, two spaces between. A column is of figures where every cell starts with a digit or is empty. */
export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [header, ...rows];
  const widths = header.map((_, column) => lines.reduce((widest, line) => Math.max(widest, line[column].length), 0));
  const isFigures = header.map((_, column) => rows.every((row) => /^([0-9]|$)/.test(row[column])));
  return lines
    .map((line) =>
      line
        .map((cell, column) => (isFigures[column] && column > 0 ? cell.padStart(widths[column]) : cell.padEnd(widths[column])))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"] as const;

/** A size as people read it: "812 bytes", "1.6 KiB", "97.4 GiB". */
export function formatBytes(bytes: number): string {
  let unit = 0;
  for (let rest = bytes; rest >= 1024 && unit < UNITS.length - 1; rest /= 1024) unit += 1;
  return `${unit === 0 ? bytes : (bytes / 1024 ** unit).toFixed(1)} ${UNITS[unit]}`;
}
