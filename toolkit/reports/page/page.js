// The page as a whole: one chapter at a time, the contents beside it, the theme, the address, print.

const root = document.documentElement;
const views = [...document.querySelectorAll("[data-view]")];
const many = views.length > 1 && Boolean(document.querySelector(".answer"));
const ready = new Set();
root.classList.toggle("one", many);

// Prepares what a chapter has, once, and hides the other chapters; text in them can still be found.
function showView(chosen) {
  for (const each of views) if (many && each !== chosen) each.setAttribute("hidden", "until-found");
  chosen.removeAttribute("hidden");
  prepare(chosen);
}

function prepare(chosen) {
  if (ready.has(chosen)) return;
  ready.add(chosen);
  for (const block of chosen.querySelectorAll("div.table[id]")) gridOf(block);
  for (const box of chosen.querySelectorAll("figure[id]"))
    new Drawing(box, JSON.parse(box.querySelector("script").textContent), chosen.id);
}

function go() {
  const place = document.getElementById(view.place);
  const opened = view.params.has("instance") && view.shown; // its chapter is shown by what opens it
  const chosen = place?.closest("[data-view]") || (opened ? null : views[0]);
  if (chosen) for (const each of many ? [chosen] : views) showView(each);
  mark(place);
  if (place && view.shown !== view.place) scrollOnce(place);
  view.shown = view.place || chosen?.id || view.shown;
}

function scrollOnce(place) {
  const top = place.matches("[data-view]") && many;
  if (top) scrollTo(0, 0);
  else place.scrollIntoView({ block: "start" });
}

// The contents: where we are.
function mark(place) {
  const here = place?.closest("[data-view]") || views.find((each) => !each.hidden);
  for (const link of document.querySelectorAll("#contents a")) {
    const target = decodeURIComponent(link.hash.slice(1));
    if (target === place?.id || (!place && target === here?.id)) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  for (const item of document.querySelectorAll("#contents > li")) {
    const own = decodeURIComponent(item.querySelector("a").hash.slice(1));
    item.classList.toggle("here", own === here?.id);
  }
}

const reading = new IntersectionObserver((entries) => {
  const seen = entries.filter((entry) => entry.isIntersecting).at(-1);
  if (seen) mark(seen.target);
}, { rootMargin: "-15% 0px -75% 0px" });

// Controls that need a script are made by it.
function makeControls() {
  const bar = document.querySelector(".bar"), contents = document.getElementById("contents");
  const menu = button("Contents", "Contents", () => unfold(menu.getAttribute("aria-expanded") !== "true"),
    { className: "menu", "aria-expanded": "false", "aria-controls": "contents" });
  const unfold = (open) => { menu.setAttribute("aria-expanded", open); root.classList.toggle("unfolded", open); };
  contents.addEventListener("click", (event) => event.target.closest("a") && unfold(false));
  document.addEventListener("keydown", (event) => event.key === "Escape" && unfold(false));
  const copy = button("Copy link", "Copy link to this view", () => copyLink(copy));
  bar.append(element("span", { className: "tools" }, menu, copy, themeButton()));
}

async function copyLink(made) {
  try {
    await navigator.clipboard.writeText(linkTo());
    made.textContent = "Copied";
  } catch {
    prompt("The link to this view:", linkTo());
  }
  setTimeout(() => { made.textContent = "Copy link"; }, 1500);
}

const THEMES = { auto: "light", light: "dark", dark: "auto" };
const SIGNS = { auto: "◐", light: "☀", dark: "☾" };

function themeButton() {
  const made = button("", "", () => {
    root.dataset.theme = THEMES[root.dataset.theme];
    try { localStorage.setItem("theme", root.dataset.theme); } catch { /* forgotten */ }
    name();
    repaint();
  }, { className: "theme" });
  const name = () => {
    made.textContent = SIGNS[root.dataset.theme] ?? SIGNS.auto;
    made.title = `Theme: ${root.dataset.theme}`;
    made.setAttribute("aria-label", made.title);
  };
  if (!THEMES[root.dataset.theme]) root.dataset.theme = "auto";
  name();
  return made;
}

function repaint() { for (const chart of charts) if (chart.near) chart.draw(); }

// On paper everything is shown, as wide as the paper and in its colours.
function beforePrint() {
  for (const each of views) showPrinted(each);
  for (const each of document.querySelectorAll("details:not(.numbers):not([open])")) {
    each.open = true;
    each.dataset.folded = "";
  }
  for (const grid of grids) grid.show(PRINTED_ROWS);
  for (const chart of charts) chart.draw(PAPER, PRINTED);
}

function showPrinted(each) {
  if (each.hasAttribute("hidden")) each.dataset.away = "";
  each.removeAttribute("hidden");
  prepare(each);
}

function afterPrint() {
  for (const grid of grids) grid.show();
  for (const each of document.querySelectorAll("details[data-folded]")) {
    each.open = false;
    delete each.dataset.folded;
  }
  for (const each of views.filter((each) => "away" in each.dataset)) {
    delete each.dataset.away;
    each.setAttribute("hidden", "until-found");
  }
  repaint();
}

// While a study runs, its page is asked for anew when the store has changed.
async function watch(version) {
  try {
    const answer = await fetch("version", { cache: "no-store" });
    if (answer.ok && (await answer.text()) !== version && !document.hidden) {
      sessionStorage.setItem("scrolled", String(scrollY));
      return location.reload();
    }
  } catch { /* the server is gone, or busy: ask again */ }
  setTimeout(() => watch(version), 2000);
}

function start() {
  makeControls();
  readAddress();
  restored(go);
  for (const box of document.querySelectorAll(".browse")) {
    const browser = new Browser(box, box.closest("[data-view]").id);
    new IntersectionObserver((entries, own) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      own.disconnect();
      browser.load().then(() => browser.restore());
    }, { rootMargin: "300px" }).observe(box);
  }
  for (const each of document.querySelectorAll("main section, main article")) reading.observe(each);
  for (const each of views) each.addEventListener("beforematch", () => follow(`#${each.id}`));
  addEventListener("hashchange", readAddress);
  addEventListener("popstate", readAddress);
  addEventListener("beforeprint", beforePrint);
  addEventListener("afterprint", afterPrint);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]');
    if (!link || link.className === "skip" || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    if (parsed(link.getAttribute("href")).place) delete view.shown;
    follow(link.getAttribute("href"));
  });
  if (document.body.dataset.watch) {
    const scrolled = sessionStorage.getItem("scrolled");
    sessionStorage.removeItem("scrolled");
    if (scrolled) scrollTo(0, Number(scrolled));
    watch(document.body.dataset.watch);
  }
}

start();
