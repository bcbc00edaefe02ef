// Charts: drawn when they come into view; their series are hidden, and their axes switched, by
// buttons; their numbers stand in a table for whoever does not see them.

const PAPER = { ink: "#16191d", soft: "#4d5660", line: "#d9dee3", paper: "#ffffff" };
const PRINTED = 690; // px: the width of a printed page
const CONFIG = { displayModeBar: false, displaylogo: false, doubleClick: false, scrollZoom: false,
  showTips: false, locale: "en", plotlyServerURL: "", showLink: false, showSendToCloud: false };
const charts = new Set();

const seen = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    target.chart.near = isIntersecting;
    if (isIntersecting) setTimeout(() => target.chart.draw()); // one at a time: clicks come between
  }
}, { rootMargin: "400px" });

const resized = new ResizeObserver((entries) => {
  for (const { target } of entries) if (target.chart.near) target.chart.draw();
});

function inkOf() {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(Object.keys(PAPER).map((n) => [n, style.getPropertyValue(`--${n}`).trim()]));
}

class Drawing {
  // `scope` is the chapter in which a hidden label is hidden everywhere.
  constructor(box, chart, scope) {
    Object.assign(this, { box, chart, scope, near: false });
    this.area = box.querySelector(".chart");
    this.area.chart = this;
    this.area.setAttribute("role", "img");
    this.area.setAttribute("aria-label", `Chart: ${chart.title}. ${chart.caption || ""}`);
    this.height = heightOf(chart, Boolean(box.closest(".drawn")));
    this.area.style.height = `${this.height}px`;
    this.canLog = { x: logAllowed(chart, "x"), y: logAllowed(chart, "y") };
    this.makeTools();
    this.makeLegend();
    this.makeNumbers();
    charts.add(this);
    restored(() => this.restore(), this.area);
    seen.observe(this.area);
    resized.observe(this.area);
  }

  forget() {
    charts.delete(this);
    seen.unobserve(this.area);
    resized.unobserve(this.area);
    if (this.shown) Plotly.purge(this.area);
  }

  makeTools() {
    const { title } = this.chart;
    const tools = element("span", { className: "tools" });
    this.switches = ["x", "y"].filter((way) => this.canLog[way]).map((way) => {
      const made = button(`log ${way}`, `log ${way}: logarithmic axis of ${title}`, () => this.switch(way));
      return Object.assign(made, { way });
    });
    this.reset = button("Reset", `Reset the zoom: ${title}`, () => this.zoomTo(null));
    const save = button("SVG", `Download as SVG: ${title}`, () => this.download());
    tools.append(...this.switches, this.reset, save);
    this.box.querySelector(".head").append(tools);
  }

  makeLegend() {
    const shown = new Map();
    for (const series of this.chart.series)
      if (!shown.has(series.label) || !series.faint) shown.set(series.label, series);
    const list = element("ul", { className: "legend", "aria-label": `Series of: ${this.chart.title}` });
    this.keys = [...shown.values()].filter((series) => !onlyFaint(this.chart, series)).map((series) => {
      const key = element("button", { type: "button", title: series.label, label: series.label,
        onclick: () => this.toggle(series.label) }, swatch(series), shortName(series.label, 64));
      list.append(element("li", {}, key));
      return key;
    });
    if (this.keys.length > 4) list.prepend(element("li", {}, this.makeEvery()));
    this.area.after(list);
  }

  // Shows all series where some are hidden, and hides all where none is: to pick a few of many.
  makeEvery() {
    this.every = button("", "", () => {
      const some = this.keys.some((key) => this.hidden.has(key.label));
      this.hide(some ? [] : this.keys.map((key) => key.label));
    }, { className: "every" });
    return this.every;
  }

  makeNumbers() {
    const box = element("details", { className: "numbers" },
      element("summary", { textContent: "Numbers of this chart" }));
    box.ontoggle = () => {
      if (box.open && !box.querySelector("table")) box.append(numbersOf(this.chart));
    };
    this.box.append(box);
  }

  restore() {
    const { name, x, y } = this.chart;
    const flipped = view.params.get(`scale.${name}`) || "";
    this.logs = { x: this.canLog.x && Boolean(x.log) !== flipped.includes("x"),
      y: this.canLog.y && Boolean(y.log) !== flipped.includes("y") };
    this.hidden = new Set(view.params.getAll(`hide.${this.scope}`));
    const zoom = (view.params.get(`zoom.${name}`) || "").split(",").map(Number);
    this.zoom = zoom.length === 4 && zoom.every(Number.isFinite) ? zoom : null;
    for (const made of this.switches) made.setAttribute("aria-pressed", this.logs[made.way]);
    for (const key of this.keys) key.setAttribute("aria-pressed", !this.hidden.has(key.label));
    this.reset.hidden = !this.zoom;
    this.nameEvery();
    if (this.near) this.draw();
    else delete this.area.dataset.drawn;
  }

  nameEvery() {
    if (!this.every) return;
    this.every.textContent = this.keys.some((key) => this.hidden.has(key.label)) ? "Show all" : "Hide all";
    this.every.title = `${this.every.textContent} series: ${this.chart.title}`;
    this.every.setAttribute("aria-label", this.every.title);
  }

  switch(way) {
    const now = view.params.get(`scale.${this.chart.name}`) || "";
    const flipped = now.includes(way) ? now.replace(way, "") : now + way;
    keep(`scale.${this.chart.name}`, flipped);
    keep(`zoom.${this.chart.name}`, null);
    this.restore();
  }

  toggle(label) {
    const hidden = new Set(this.hidden);
    if (!hidden.delete(label)) hidden.add(label);
    this.hide([...hidden]);
  }

  hide(labels) {
    keep(`hide.${this.scope}`, labels);
    for (const other of charts) if (other.scope === this.scope) other.restore();
  }

  zoomTo(zoom) {
    keep(`zoom.${this.chart.name}`, zoom && zoom.map((value) => Number(value.toPrecision(6))).join(","));
    this.restore();
  }

  // The library tells what the pointer has chosen; ticks and address follow.
  zoomed(change) {
    const ends = ["xaxis", "yaxis"].map((axis) => change[`${axis}.range[0]`] !== undefined
      ? [change[`${axis}.range[0]`], change[`${axis}.range[1]`]] : this.area._fullLayout[axis].range);
    if ("xaxis.range[0]" in change || "yaxis.range[0]" in change) this.zoomTo(ends.flat().map(Number));
  }

  made(ink, width, keyed = false) {
    const { logs, hidden, zoom } = this;
    const height = this.height + (keyed ? 90 + 20 * Math.ceil(this.keys.length / 2) : 0);
    return figure(this.chart, { logs, hidden, zoom, width, height, ink, keyed });
  }

  // Draws what is wanted where it is not what stands there already.
  draw(ink = inkOf(), width = this.area.clientWidth) {
    const wanted = JSON.stringify([ink, width, this.logs, [...this.hidden], this.zoom]);
    if (!width || !charts.has(this)) return;
    if (wanted !== this.shown) this.react(ink, width);
    this.shown = wanted;
    this.area.dataset.drawn = "yes";
  }

  react(ink, width) {
    const { data, layout } = this.made(ink, width);
    Plotly.react(this.area, data, layout, CONFIG);
    if (this.shown) return;
    this.area.on("plotly_relayout", (change) => this.zoomed(change));
    this.area.on("plotly_doubleclick", () => this.zoomTo(null));
  }

  async download() {
    const { data, layout } = this.made(PAPER, 900, true);
    const url = await Plotly.toImage({ data, layout, config: CONFIG },
      { format: "svg", width: layout.width, height: layout.height });
    element("a", { href: url, download: `${this.chart.name}.svg` }).click();
  }
}

function onlyFaint(chart, series) {
  return series.faint && chart.series.some((other) => !other.faint);
}

function heightOf({ y }, small) {
  const usual = small || innerWidth < 600 ? 320 : 430;
  return y.names ? Math.min(1400, Math.max(180, 24 * y.names.length + 90)) : usual;
}

// Where all values are above 0, or a floor stands for the others.
function logAllowed(chart, way) {
  const axis = chart[way];
  if (axis.names) return false;
  if (axis.log) return true;
  if (way === "y" && chart.series.some((series) => series.style === "bars")) return false;
  const names = way === "x" ? ["x", "x2"] : ["y", "y2", "low", "high"];
  const values = chart.series.flatMap((s) => names.flatMap((n) => s[n] || [])).filter((v) => v !== null);
  return values.length > 1 && values.every((value) => axis.floor || value > 0);
}

const SHAPES = { circle: "M9 6a3 3 0 1 1 0 .01z", square: "M9 3h6v6h-6z", diamond: "M12 2l4 4-4 4-4-4z",
  "triangle-up": "M12 2l4 7h-8z", "triangle-down": "M12 10l4-7h-8z",
  cross: "M10.5 2h3v2.5H16v3h-2.5V10h-3V7.5H8v-3h2.5z",
  star: "M12 1l1.5 3.4 3.5.3-2.6 2.4.8 3.6-3.2-1.9-3.2 1.9.8-3.6L7 4.7l3.5-.3z" };
const DASHED = { solid: "", dash: "6 3", dot: "2 2", dashdot: "6 2 2 2" };

function swatch({ style = "line", colour = 0 }) {
  const { colour: ink, marker, dash } = lookOf(colour);
  const space = "http://www.w3.org/2000/svg";
  const drawn = document.createElementNS(space, "svg");
  const path = document.createElementNS(space, "path");
  const line = style !== "points" && style !== "bars";
  const shown = line ? { d: "M1 6h22", stroke: ink, "stroke-width": style === "segments" ? 5 : 2.5,
    "stroke-dasharray": DASHED[dash] } : { d: style === "bars" ? "M7 1h10v10h-10z" : SHAPES[marker], fill: ink };
  for (const [name, value] of Object.entries(shown)) path.setAttribute(name, value);
  drawn.setAttribute("viewBox", "0 0 24 12");
  drawn.setAttribute("aria-hidden", "true");
  drawn.append(path);
  return drawn;
}

function numbersOf(chart) {
  const ends = [["low", "low"], ["high", "high"], ["x2", `${chart.x.label}, end`], ["y2", `${chart.y.label}, end`]]
    .filter(([name]) => chart.series.some((series) => series[name]));
  const told = chart.series.some((series) => series.texts);
  const columns = [{ name: "series", text: true }, { name: chart.x.label }, { name: chart.y.label },
    ...ends.map(([, name]) => ({ name })), ...(told ? [{ name: "told", text: true }] : [])];
  const cell = (value, axis) => ({ value: value ?? null, text: said(value, axis) });
  const rows = chart.series.flatMap((series) => series.x.map((x, i) => [
    { value: series.label, text: series.label }, cell(x, chart.x), cell(series.y[i], chart.y),
    ...ends.map(([name]) => cell(series[name] && series[name][i], name === "x2" ? chart.x : chart.y)),
    ...(told ? [series.texts?.[i] || ""].map((text) => ({ value: text, text })) : []),
  ]));
  return makeTable(`numbers-${chart.name}`, `Numbers of: ${chart.title}`, columns, rows);
}

// A figure with a title, an area and a caption, for a chart that came with an instance.
function chartBox(chart) {
  const box = element("figure", {}, element("div", { className: "head" },
    element("p", { className: "title", textContent: chart.title })), element("div", { className: "chart" }));
  if (chart.caption) box.append(element("figcaption", { textContent: chart.caption }));
  return box;
}
