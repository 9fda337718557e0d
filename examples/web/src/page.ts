import type { Link } from "./links.ts";

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Makes any text safe inside an element or a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}

/** The front page: a form and the newest links. */
export function renderPage(links: readonly Link[], release: { commit: string; problem?: string }): string {
  const rows = links.map(
    (link) =>
      `<tr><td><a href="/${escapeHtml(link.code)}">${escapeHtml(link.code)}</a></td>` +
      `<td class="target">${escapeHtml(link.url)}</td><td>${link.hits}</td></tr>`,
  );
  const problem = release.problem === undefined ? "" : `<p role="alert">${escapeHtml(release.problem)}</p>`;
  const table =
    rows.length === 0
      ? "<p>No links yet. Shorten the first one.</p>"
      : `<table><thead><tr><th>Short</th><th>Leads to</th><th>Hits</th></tr></thead><tbody>${rows.join("")}</tbody></table>`;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Short links</title>
<style>
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 44rem; margin: 3rem auto; padding: 0 1rem; }
form { display: flex; gap: .5rem; }
input { flex: 1; font: inherit; padding: .4rem; }
button { font: inherit; padding: .4rem 1rem; }
table { width: 100%; border-collapse: collapse; margin-top: 1rem; }
th, td { text-align: left; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid #ddd; }
.target { overflow-wrap: anywhere; }
footer { margin-top: 2rem; color: #666; font-size: .85rem; }
</style>
<h1>Short links</h1>
<form method="post" action="/links">
<input name="url" type="url" required aria-label="Address" placeholder="https://example.org/a/long/address">
<button>Shorten</button>
</form>
${problem}
${table}
<footer>Commit ${escapeHtml(release.commit)}</footer>
</html>
`;
}
