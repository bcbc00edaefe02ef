// The drill-down: instances packed into the page, listed, and opened one at a time.

async function unpacked(text) {
  if (!("DecompressionStream" in window))
    throw new Error("This browser is too old to open the packed instances; any of 2023 or later can.");
  const bytes = Uint8Array.from(atob(text.trim()), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}

class Browser {
  constructor(box, scope) {
    Object.assign(this, { box, scope, open: null, drawings: [] });
    this.title = box.closest("section").querySelector("h2, h3").textContent;
    restored(() => this.restore(), box);
  }

  // Unpacks once: when it comes into view, or when the address names an instance.
  load() {
    this.loading ??= this.unpack();
    return this.loading;
  }

  async unpack() {
    const said = this.box.querySelector(".wait");
    try {
      const { columns, instances } = await unpacked(this.box.querySelector("script").textContent);
      Object.assign(this, { columns, instances });
      this.byDigest = new Map(instances.map((each) => [each.digest, each]));
      this.list();
      said.remove();
    } catch (problem) {
      said.textContent = problem.message;
    }
  }

  list() {
    const columns = [{ name: "instance", text: true }, { name: "size", text: true },
      { name: "best known" }, { name: "runs" }];
    const rows = this.instances.map(({ digest, name, size, best, rows: runs }) => [
      { value: name, text: name, link: `instance=${digest}` }, { value: size, text: size }, best,
      { value: runs.length, text: String(runs.length) }]);
    const title = `${this.instances.length.toLocaleString("en")} instances`;
    this.panel = element("div", { className: "opened", tabIndex: -1, hidden: true,
      onkeydown: ({ key, target }) => key === "Escape" && target.type !== "search" && this.close() });
    if (!this.box.dataset.listed) this.box.append(makeTable(`list.${this.scope}`, title, columns, rows));
    this.box.append(this.panel);
  }

  async restore() {
    const digest = view.params.get("instance");
    if (digest && !this.byDigest && this.near(digest)) await this.load();
    if (!this.byDigest) return;
    const found = this.byDigest.get(digest) || null;
    const run = Number(view.params.get("run") ?? -1);
    if (found === this.open && (!found || run === this.run)) return;
    const fresh = found !== this.open;
    if (!this.open) this.opener = document.activeElement;
    this.open = found;
    this.show(found, run);
    if (found && fresh) {
      showView(this.box.closest("[data-view]"));
      mark(this.box.closest("section"));
      this.panel.scrollIntoView({ block: "start" });
      this.panel.focus({ preventScroll: true });
    }
  }

  // Whether the instance may be one of ours: the digests stand beside what is packed.
  near(digest) { return this.box.dataset.digests.split(" ").includes(digest.slice(0, 8)); }

  show(found, run) {
    for (const drawing of this.drawings) drawing.forget();
    this.drawings = [];
    this.run = run;
    this.panel.hidden = !found;
    this.panel.replaceChildren(...(found ? this.parts(found, run) : []));
    forgetLost();
    for (const grid of grids) if (!grid.block.isConnected) grids.delete(grid);
    for (const box of this.panel.querySelectorAll("figure"))
      this.drawings.push(new Drawing(box, box.content, this.scope));
  }

  parts(found, run) {
    const views = new Map((found.views || []).map((each) => [each.row, each]));
    const chosen = views.has(run) ? run : (found.views || [])[0]?.row;
    const runs = makeTable("runs", `Runs on ${found.name}`, this.columns, found.rows,
      (tr, place) => views.has(place) && this.choosable(tr, place, place === chosen));
    const facts = [found.size, { min: "minimise", max: "maximise" }[found.sense],
      found.best && `best known ${found.best.text}`, `digest ${found.digest}`].filter(Boolean).join(" · ");
    return [
      element("div", { className: "head" }, element("h4", { textContent: found.name }), this.steps(found)),
      element("p", { className: "soft", textContent: facts }),
      ...(found.says || []).map((text) => element("p", { textContent: text })),
      runs, ...(chosen === undefined ? [] : this.run_parts(found.rows[chosen], views.get(chosen))),
    ];
  }

  steps(found) {
    const at = this.instances.indexOf(found);
    const go = (step) => () => follow(`instance=${this.instances[at + step].digest}&run=`);
    const earlier = button("← Previous", "Previous instance", at > 0 ? go(-1) : null, { disabled: at === 0 });
    const last = at === this.instances.length - 1;
    const later = button("Next →", "Next instance", last ? null : go(1), { disabled: last });
    const close = button("Close", `Close ${found.name}`, () => this.close());
    return element("span", { className: "tools" }, earlier, later, close);
  }

  close() {
    keep("run", null);
    keep("instance", null, true);
    this.restore();
    const first = this.box.closest("section").querySelector("input, a");
    (this.opener === document.body ? first : this.opener)?.focus();
  }

  choosable(tr, place, chosen) {
    const head = tr.cells[0];
    const made = element("button", { type: "button", className: "pick", "aria-pressed": chosen,
      onclick: () => { keep("run", String(place)); this.restore(); } }, ...head.childNodes);
    head.append(made);
    tr.classList.toggle("chosen", chosen);
  }

  run_parts(row, { facts = [], charts: drawn = [] }) {
    const list = element("dl", { className: "facts" }, ...facts.map(([name, text]) =>
      element("div", {}, element("dt", { textContent: name }), element("dd", { textContent: text }))));
    const boxes = drawn.map((chart) => Object.assign(chartBox(chart), { content: chart }));
    return [element("h5", { textContent: `The run of ${row[0].text}` }), list,
      element("div", { className: "drawn" }, ...boxes)];
  }
}
