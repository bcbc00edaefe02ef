// What is looked at, as the page's fragment: a place, then key=value pairs.
// #cpdrl-paper.gap-time&hide.cpdrl-paper=ga&sort.NAME=3d&find.NAME=text&scale.NAME=x&instance=DIGEST

const view = { place: "", params: new URLSearchParams(), listeners: [] };

function parsed(fragment) {
  const [first, ...rest] = fragment.replace(/^#/, "").split("&");
  const named = first.includes("=");
  const params = new URLSearchParams((named ? [first, ...rest] : rest).join("&"));
  let place = named ? "" : first;
  try { place = decodeURIComponent(place); } catch { /* a lone % names itself */ }
  return { place, params };
}

function fragment() {
  const pairs = view.params.toString();
  const place = encodeURIComponent(view.place);
  return `#${place}${place && pairs ? "&" : ""}${pairs}`;
}

function remember(push = false) {
  clearTimeout(view.timer);
  if (push) history.pushState(null, "", fragment());
  else view.timer = setTimeout(() => history.replaceState(null, "", fragment()), 150);
}

// Sets a key to a value, to several, or to nothing (null, "" or []); the address follows.
function keep(key, value, push = false) {
  view.params.delete(key);
  for (const each of [value].flat()) if (each !== null && each !== "") view.params.append(key, each);
  remember(push);
}

// Everything that shows a part of the view calls this once, and is told when the address changes,
// for as long as its element is in the page.
function restored(listener, of = document.body) {
  view.listeners.push(Object.assign(listener, { of }));
  listener();
}

function forgetLost() {
  view.listeners = view.listeners.filter((listener) => listener.of.isConnected);
}

function readAddress() {
  Object.assign(view, parsed(location.hash));
  for (const listener of view.listeners) listener();
}

// A link within the page adds to what is looked at, and takes nothing away.
function follow(href) {
  const { place, params } = parsed(href);
  if (place) view.place = place;
  for (const key of new Set(params.keys())) {
    view.params.delete(key);
    for (const value of params.getAll(key)) view.params.append(key, value);
  }
  if (place && !params.has("instance")) view.params.delete("instance"), view.params.delete("run");
  remember(true);
  for (const listener of view.listeners) listener();
}

function linkTo(place) {
  const kept = view.place;
  view.place = place || kept;
  const link = location.href.replace(/#.*/, "") + fragment();
  view.place = kept;
  return link;
}

// Elements without HTML text: what records bring is never read as markup.
function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role" || name === "scope") made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children);
  return made;
}

function button(text, name, onclick, properties = {}) {
  return element("button", { type: "button", textContent: text, title: name, "aria-label": name,
    onclick, ...properties });
}

// Long names may break after their commas and brackets, and every 24 letters.
function breaks(text) {
  return text.split(/(\S{21,})/).flatMap((word, at) => {
    const parts = at % 2 ? word.match(/[^,[]{1,24}[,[]*|[,[]+/g) : [word];
    return parts.flatMap((part, i) => (i ? [element("wbr"), part] : [part]));
  });
}

function shortName(text, most = 36) {
  return text.length > most ? `${text.slice(0, most - 13)}…${text.slice(-12)}` : text;
}
