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
