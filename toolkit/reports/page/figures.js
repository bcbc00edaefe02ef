// A chart as the plotting library has it: traces and a layout, from plain values. Nothing is kept.

const looks = JSON.parse(document.getElementById("looks").textContent);
const FULL = 0.95, FAINT = 0.4;

function lookOf(place) {
  const turns = Math.floor(place / looks.colours.length);
  const from = (list, at) => list.at(at % list.length); // -1 is the last, as elsewhere
  return { colour: from(looks.colours, place), marker: from(looks.markers, place),
    dash: from(looks.dashes, turns) };
}

// The library reads tags, entities and formulas in texts; a name shall be shown as it is.
function plain(text) {
  return String(text).replace(/[&<>$]/g, (c) => `&#${c.charCodeAt(0)};`).replace(/\s+/g, " ");
}

function wrapped(text, width = 76) {
  const lines = [""];
  for (const word of String(text).split(/\s+/).flatMap((w) => w.match(/.{1,64}/gu) || [])) {
    if (lines.at(-1) && lines.at(-1).length + word.length >= width) lines.push("");
    lines[lines.length - 1] += (lines.at(-1) ? " " : "") + word;
  }
  return lines.map(plain).join("<br>");
}

// 0.5 % of a share; 1,250; 3.2e-7.
function said(value, axis) {
  if (value === null || value === undefined) return "–";
  if (axis.names && axis.names[value] !== undefined) return axis.names[value];
  const big = Math.abs(value);
  if (axis.share && (big >= 1e-4 || !big)) return `${grouped(Number((100 * value).toPrecision(3)))}%`;
  if (big && (big < 1e-3 || big >= 1e7)) return Number(value.toPrecision(4)).toExponential().replace("+", "");
  return grouped(Number(value.toPrecision(6)));
}

function grouped(value) { return value.toLocaleString("en", { maximumFractionDigits: 9 }); }

function figure(chart, { logs, hidden, zoom, width, height, ink, keyed }) {
  const axes = { x: { ...chart.x, log: logs.x }, y: { ...chart.y, log: logs.y } };
  const series = chart.series.filter((each) => !hidden.has(each.label));
  const behind = [...series].sort((a, b) => Boolean(b.faint) - Boolean(a.faint));
  const data = behind.flatMap((each) => traces(each, axes, ink, chart.series));
  const named = new Set();
  for (const trace of data) { // one entry a label, where the drawing stands alone
    trace.showlegend = Boolean(keyed) && Boolean(trace.keyed) && !named.has(trace.name);
    if (trace.showlegend) named.add(trace.name);
    delete trace.keyed;
  }
  const font = { family: "system-ui, sans-serif", size: width < 500 ? 11 : 13, color: ink.soft };
  const layout = {
    width, height, font, separators: ".,", paper_bgcolor: keyed ? ink.paper : "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)", margin: { l: 56, r: 12, t: keyed ? 48 : 10, b: 48, pad: 2 },
    hovermode: "closest", dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom",
    hoverlabel: { bgcolor: ink.paper, bordercolor: ink.line, align: "left",
      font: { ...font, size: 13, color: ink.ink } },
    bargap: 0.25, barmode: chart.stacked ? "stack" : "group", showlegend: Boolean(keyed),
    legend: { orientation: "h", y: -0.2, maxheight: height, font: { ...font, color: ink.ink } },
    xaxis: axisOf(axes.x, "x", series, zoom && zoom.slice(0, 2), ink, width),
    yaxis: axisOf(axes.y, "y", series, zoom && zoom.slice(2), ink, height),
  };
  if (keyed) layout.title = { text: plain(chart.title), x: 0.02, font: { ...font, size: 16, color: ink.ink } };
  return { data, layout };
}

function placed(value, axis) {
  if (value === null || value === undefined) return null;
  if (!axis.log) return value;
  if (axis.floor) return Math.max(value, axis.floor);
  return value > 0 ? value : null;
}

function traces(series, axes, ink, all) {
  const look = lookOf(series.colour || 0);
  const x = series.x.map((value) => placed(value, axes.x));
  const y = series.y.map((value) => placed(value, axes.y));
  const base = { type: "scatter", name: plain(shortName(series.label, 60)), hoverinfo: "none" };
  const strength = series.faint ? FAINT : FULL;
  const style = series.style || "line";
  const texts = { hoverinfo: "text", hovertext: series.x.map((_, i) => hover(series, i, axes)) };
  const low = series.low && series.low.map((value) => placed(value, axes.y));
  const high = series.high && series.high.map((value) => placed(value, axes.y));
  if (style === "bars") {
    const spread = low && high && { type: "data", symmetric: false, color: ink.soft, thickness: 1,
      width: 3, array: high.map((v, i) => Math.max(0, v - y[i])),
      arrayminus: low.map((v, i) => Math.max(0, y[i] - v)) };
    return [{ ...base, ...texts, type: "bar", x, y, keyed: !series.faint, opacity: strength,
      marker: { color: look.colour }, ...(spread ? { error_y: spread } : {}) }];
  }
  if (style === "segments") return [segments(series, x, y, axes, base, look, texts)];
  if (style === "points") {
    const lines = low && high ? [stalks(x, low, high, base, look, series.faint)] : [];
    return [...lines, { ...base, ...texts, x, y, mode: "markers", opacity: series.faint ? 0.65 : 1,
      keyed: !series.faint || !all.some((s) => s.label === series.label && !s.faint),
      marker: { color: look.colour, size: series.faint ? 5 : 10,
        symbol: series.closed ? series.closed.map((c) => look.marker + (c ? "" : "-open")) : look.marker,
        line: { width: series.faint ? 1 : 1.2, color: series.faint ? look.colour : ink.paper } } }];
  }
  const shape = style === "step" ? "hv" : "linear";
  const fill = low && high ? [band(x, low, high, shape, base, look)] : [];
  return [...fill, { ...base, ...texts, x, y, mode: x.length > 1 ? "lines" : "markers",
    opacity: strength, keyed: !series.faint, connectgaps: false, marker: { color: look.colour, size: 7,
      symbol: look.marker },
    line: { color: look.colour, width: series.faint ? 1 : 2, dash: look.dash, shape } }];
}

// All intervals of a series as one path.
function stalks(x, low, high, base, look, faint) {
  const known = x.map((_, i) => i).filter((i) => x[i] !== null && low[i] !== null && high[i] !== null);
  return { ...base, mode: "lines", x: known.flatMap((i) => [x[i], x[i], null]),
    y: known.flatMap((i) => [low[i], high[i], null]), hoverinfo: "skip", opacity: faint ? 0.3 : 0.9,
    line: { color: look.colour, width: faint ? 1.2 : 2.5 } };
}

function segments(series, x, y, axes, base, look, texts) {
  const thick = series.thick ? 9 : series.faint ? 1 : 2;
  const ends = x.map((_, i) => [placed(series.x2[i], axes.x), placed(series.y2[i], axes.y)]);
  return { ...base, ...texts, mode: "lines+markers", keyed: !series.faint,
    opacity: series.faint ? FAINT : FULL,
    x: x.flatMap((value, i) => [value, ends[i][0], null]), y: y.flatMap((v, i) => [v, ends[i][1], null]),
    hovertext: texts.hovertext.flatMap((text) => [text, text, ""]),
    line: { color: look.colour, width: thick, dash: series.thick ? "solid" : look.dash },
    marker: { size: series.thick ? 1 : 3, color: look.colour } };
}

// A polygon a stretch without gaps; a step holds its value until the next point.
function band(x, low, high, shape, base, look) {
  const stretches = [[]];
  x.forEach((_, i) => {
    if (x[i] === null || low[i] === null || high[i] === null) stretches.push([]);
    else stretches.at(-1).push(i);
  });
  const out = { x: [], y: [] };
  for (const part of stretches.filter((each) => each.length > 1)) {
    const upper = corners(part.map((i) => [x[i], high[i]]), shape);
    const lower = corners(part.map((i) => [x[i], low[i]]), shape).reverse();
    for (const [a, b] of [...upper, ...lower, [null, null]]) out.x.push(a), out.y.push(b);
  }
  return { ...base, ...out, mode: "lines", fill: "toself", fillcolor: `${look.colour}26`,
    line: { width: 0 }, hoverinfo: "skip" };
}

function corners(points, shape) {
  if (shape !== "hv") return points;
  return points.flatMap((point, i) => (i ? [[point[0], points[i - 1][1]], point] : [point]));
}

function hover(series, i, axes) {
  const at = [[axes.x, series.x[i]], [axes.y, series.y[i]]]
    .map(([axis, value]) => `${shortName(axis.label, 40)}: ${said(value, axis)}`);
  if (series.low && series.high && series.style !== "segments" && !series.texts)
    at[1] += ` [${said(series.low[i], axes.y)}, ${said(series.high[i], axes.y)}]`;
  const lines = [`<b>${plain(shortName(series.label, 60))}</b>`];
  if (series.texts && series.texts[i]) lines.push(wrapped(series.texts[i]));
  else lines.push(...at.map((text) => plain(text)));
  return lines.join("<br>");
}

// Axes. Logarithmic ones have our own range and ticks: whole decades, and the floor said as "≤".
function axisOf(axis, way, series, zoom, ink, room) {
  const out = {
    title: { text: wrapped(axis.label, Math.max(12, (room - 90) / 7.5)), standoff: 8, font: { color: ink.ink } }, automargin: true,
    gridcolor: ink.line, zeroline: false, linecolor: ink.soft, ticks: "outside", ticklen: 4,
    tickcolor: ink.line, showline: way === "x", type: "linear", fixedrange: false,
    separatethousands: true, exponentformat: "power",
  };
  if (axis.names) return { ...out, ...nameTicks(axis.names, way), ...(zoom ? { range: zoom } : {}) };
  if (!axis.log) return { ...out, tickformat: axis.share ? ",~%" : "", ...(zoom ? { range: zoom } : {}) };
  const range = zoom || logRange(axis, way, series);
  return { ...out, type: "log", range, ...logTicks(axis, range) };
}

function nameTicks(names, way) {
  const step = Math.ceil(names.length / (way === "x" ? 40 : 60));
  const places = names.map((_, i) => i).filter((i) => i % step === 0);
  return { tickvals: places, ticktext: places.map((i) => plain(shortName(names[i], 28))),
    range: way === "x" ? [-0.6, names.length - 0.4] : [names.length - 0.4, -0.6] };
}

function logRange(axis, way, series) {
  const names = way === "x" ? ["x", "x2"] : ["y", "y2", "low", "high"];
  let least = Infinity, most = -Infinity;
  for (const each of series) for (const name of names) for (const raw of each[name] || []) {
    const value = placed(raw, axis);
    if (value === null) continue;
    if (value < least) least = value;
    if (value > most) most = value;
  }
  if (least > most) return [-1, 1];
  const [low, high] = [Math.log10(least), Math.log10(most)];
  const pad = Math.max(0.04 * (high - low), 0.12);
  return [low - pad, high + pad];
}

function logTicks(axis, [low, high]) {
  const values = [];
  const step = Math.max(1, Math.ceil((high - low) / 7));
  const within = (value) => Math.log10(value) >= low && Math.log10(value) <= high;
  for (let power = Math.floor(low); power <= high + 1; power++) {
    const digits = high - low < 0.7 ? [1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9] : high - low < 2.5 ? [1, 2, 5] : [1];
    if (digits.length > 1 || power % step === 0) values.push(...digits.map((digit) => digit * 10 ** power));
  }
  const shown = values.filter((v) => within(v) && !(axis.floor && v < axis.floor * 1.001));
  const texts = shown.map((value) => said(value, axis));
  if (axis.floor && within(axis.floor)) {
    shown.unshift(axis.floor);
    texts.unshift(`≤ ${said(axis.floor, axis)}`);
  }
  return { tickvals: shown, ticktext: texts };
}
