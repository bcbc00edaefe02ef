"use strict"; // before the first paint: the theme that was chosen, where storage is allowed
document.documentElement.classList.add("js");
try { document.documentElement.dataset.theme = localStorage.getItem("theme") || "auto"; } catch {}
