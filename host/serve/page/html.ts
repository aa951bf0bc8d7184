/** Text that is HTML already. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Part = Html | string | number | readonly Html[];

/** A template whose values are escaped, but for what is Html already. */
export function html(strings: TemplateStringsArray, ...values: readonly Part[]): Html {
  let text = strings[0];
  for (const [n, value] of values.entries()) text += show(value) + strings[n + 1];
  return new Html(text);
}

function show(value: Part): string {
  if (value instanceof Html) return value.text;
  if (typeof value === "string" || typeof value === "number") return escapeHtml(String(value));
  return value.map(({ text }) => text).join("");
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`);
}
