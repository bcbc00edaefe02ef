// Tables: sorted by any column, filtered by words; of long ones the first rows are shown, on paper
// more of them.

const SHORT = 40, FIRST_ROWS = 30, PRINTED_ROWS = 100, FILTERED = 8;
const grids = new Set();
const collator = new Intl.Collator("en", { numeric: true });

// A grid over a table element. Rows: { values: [number, text or null a column], node() → <tr>, text }.
class Grid {
  constructor(block, name, rows) {
    Object.assign(this, { block, name, rows, all: false });
    this.table = block.querySelector("table");
    this.body = this.table.tBodies[0];
    this.wide = block.querySelector(".wide");
    this.heads = [...this.table.tHead.rows[0].cells];
    this.numeric = this.heads.map((_, place) => rows.every((row) => isNumber(row.values[place])));
    this.heads.forEach((head, place) => this.makeSortable(head, place));
    if (rows.length > FILTERED) this.makeFilter();
    this.more = button("", "Show all rows", () => { this.all = true; this.show(); });
    this.more.className = "more";
    this.wide.after(this.more);
    new ResizeObserver(() => this.reach()).observe(this.wide);
    grids.add(this);
    restored(() => this.restore(), block);
  }

  makeSortable(head, place) {
    const inner = element("button", { type: "button" }, ...head.childNodes);
    inner.onclick = () => this.sort(place);
    head.append(inner);
  }

  makeFilter() {
    const title = this.block.querySelector(".title").textContent;
    this.input = element("input", { type: "search", placeholder: "Filter rows",
      "aria-label": `Filter the rows of: ${title}` });
    this.said = element("span", { className: "said", role: "status" });
    this.input.oninput = () => { keep(`find.${this.name}`, this.input.value); this.show(); };
    const head = this.block.querySelector(".head");
    head.append(element("span", { className: "filter" }, this.said, this.input));
  }

  // Up, down, and as it was.
  sort(place) {
    const next = this.place !== place ? "a" : this.way === "a" ? "d" : "";
    keep(`sort.${this.name}`, next ? `${place}${next}` : null);
    this.restore();
  }

  restore() {
    const asked = ["sort", "find"].map((key) => view.params.get(`${key}.${this.name}`)).join("&");
    if (asked === this.asked) return;
    this.asked = asked;
    const [, place, way] = /^(\d+)([ad])$/.exec(view.params.get(`sort.${this.name}`)) || [];
    this.place = place === undefined ? null : Number(place);
    this.way = way;
    if (this.input) this.input.value = view.params.get(`find.${this.name}`) || "";
    this.heads.forEach((head, at) => {
      if (at !== this.place) return head.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", way === "a" ? "ascending" : "descending");
    });
    this.show();
  }

  ordered() {
    const { place, way } = this;
    if (place === null || place >= this.heads.length) return this.rows;
    const by = this.numeric[place] ? (a, b) => a - b : (a, b) => collator.compare(a, b);
    const known = this.rows.filter((row) => !missing(row.values[place]));
    known.sort((a, b) => (way === "d" ? -1 : 1) * by(a.values[place], b.values[place]));
    return [...known, ...this.rows.filter((row) => missing(row.values[place]))];
  }

  show(most = this.rows.length > SHORT ? FIRST_ROWS : SHORT) {
    const words = this.input ? this.input.value.toLowerCase().split(/\s+/).filter(Boolean) : [];
    const found = this.ordered().filter((row) => words.every((word) => row.text.includes(word)));
    const shown = this.all ? found : found.slice(0, most);
    this.body.replaceChildren(...shown.map((row) => row.node()));
    this.more.hidden = shown.length === found.length;
    this.more.textContent = `Show all ${found.length.toLocaleString("en")} rows`;
    this.more.setAttribute("aria-label", this.more.textContent);
    if (!this.said) return;
    const few = words.length || shown.length < this.rows.length;
    const count = (number) => number.toLocaleString("en");
    this.said.textContent = few ? `${count(shown.length)} of ${count(this.rows.length)} rows` : "";
  }

  // A box that scrolls can be reached by keyboard; one that does not need not be.
  reach() {
    const scrolls = this.wide.scrollWidth > this.wide.clientWidth + 1;
    this.wide.tabIndex = scrolls ? 0 : -1;
    this.wide.classList.toggle("scrolls", scrolls);
  }
}

function missing(value) { return value === null || value === undefined || value === ""; }

function isNumber(value) {
  return missing(value) || typeof value === "number" || Number.isFinite(Number(value));
}

// The grid of a table that stands in the page.
function gridOf(block) {
  const rows = [...block.querySelector("tbody").rows].map((tr) => ({
    values: [...tr.cells].map((cell) => cell.dataset.value ?? cell.textContent.trim()),
    node: () => tr,
    text: tr.textContent.toLowerCase(),
  }));
  return new Grid(block, block.id.replace("table.", ""), rows);
}

// A block with a table of columns and rows of cells; node(row, place) may change a row's element.
function makeTable(name, title, columns, rows, change = () => {}) {
  const heads = columns.map((column) => element("th", { scope: "col", title: column.note || "",
    className: column.text ? "text" : "" }, column.name, ...unitOf(column)));
  const table = element("table", {}, element("caption", { className: "unseen", textContent: title }),
    element("thead", {}, element("tr", {}, ...heads)), element("tbody"));
  const block = element("div", { className: "table" },
    element("div", { className: "head" }, element("p", { className: "title", textContent: title })),
    element("div", { className: "wide", role: "region", "aria-label": title }, table));
  const made = rows.map((cells, place) => ({
    values: cells.map((cell) => cell.value),
    node() { return (this.tr ??= makeRow(columns, cells, place, change)); },
    text: cells.map((cell) => cell.text).join(" ").toLowerCase(),
  }));
  block.grid = new Grid(block, name, made);
  return block;
}

function unitOf(column) {
  if (!column.unit || (column.unit === "s" && column.name.includes("second"))) return [];
  return [" ", element("span", { className: "unit", textContent: column.unit })];
}

function makeRow(columns, cells, place, change) {
  const tr = element("tr", {}, ...cells.map((cell, at) => makeCell(columns[at] || {}, cell, at)));
  change(tr, place);
  return tr;
}

function makeCell(column, cell, at) {
  const made = element(at ? "td" : "th", { className: `${column.text ? "text" : ""} ${cell.mark || ""}` });
  if (!at) made.scope = "row";
  const sign = { good: "✓", warn: "!", bad: "✕" }[cell.mark];
  if (sign) made.append(element("span", { className: `mark ${cell.mark}`, role: "img",
    "aria-label": cell.mark, textContent: sign }), " ");
  const text = column.text ? breaks(cell.text) : [cell.text];
  made.append(...(cell.link ? [element("a", { href: `#${cell.link}` }, ...text)] : text));
  return made;
}
