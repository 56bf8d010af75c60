
// ==== Details of a box ====

let pinned = null; // the box that was clicked

function describe(id, byHand = true) {
  const box = boxes.get(id);
  const rows = html("dl");
  const row = (name, ...parts) => rows.append(html("dt", {}, name), html("dd", {}, ...parts));
  const [known, swept] = [hasValue(id), hasGradient(id)];
  for (const [name, values, there] of [["value", box.value, known], ["gradient", box.gradient, swept]]) {
    if (!values) continue;
    if (!there) row(name, html("em", {}, "not there yet"));
    else row(name, html("code", { class: name }, values.text), ...histogram(values, name));
  }
  const { shape, dtype } = box.value ?? box.gradient ?? {};
  if (shape) row("shape", shape);
  else if (box.lines?.length) row("is", box.lines.join(", "));
  if (dtype) row("dtype", dtype);
  for (const [of, values, there] of [["", box.value, known], ["gradient ", box.gradient, swept]]) {
    if (values?.norm && there) row(`${of}norm`, Number(values.norm).toPrecision(4));
    if (values?.bad && there) row(`${of}NaN, inf`, values.bad.toLocaleString("en"));
  }
  for (const [name, text] of box.facts ?? []) row(name, text);
  if (box.group) row("module", titleOf(box.group));
  if (comesFrom.get(id).length) row("from", ...neighbours(comesFrom.get(id)));
  if (goesTo.get(id).length) row("to", ...neighbours(goesTo.get(id)));
  const kind = MEANINGS[box.kind] ?? box.kind;
  fillPanel(box.title || "(no name)", box.tooltip ? `${kind} \u2013 ${box.tooltip}` : kind, rows);
  panel.dataset.box = id;
  document.body.classList.toggle("by-step", !byHand);
}

function describeGroup(id) {
  const { path, kind, times, facts } = groups.get(id);
  const rows = html("dl");
  const row = (name, text) => rows.append(html("dt", {}, name), html("dd", {}, text));
  if (times > 1) row("repeated", `${times} alike, one after the other; one is drawn`);
  for (const [name, text] of facts) row(name, text);
  row("boxes", (counts.get(id) ?? 0).toLocaleString("en"));
  fillPanel(path || kind, `module${path ? ` \u2013 ${kind}` : ""}`, rows);
  delete panel.dataset.box;
  document.body.classList.remove("by-step");
}

function fillPanel(title, kind, rows) {
  panel.replaceChildren(
    button("close", "\u00d7", "Close the details", () => hide()),
    html("h2", {}, title), html("p", { class: "kind" }, kind), rows,
  );
  panel.hidden = false;
}

function hide() {
  pinned = null;
  panel.hidden = true;
}

function neighbours(ids) {
  const all = [...new Set(ids)];
  const parts = all.slice(0, 8).map((id) => {
    const title = shortened(boxes.get(id).title, 30) || "(no name)";
    return html("button", { type: "button", class: "neighbour", click: () => visit(id) }, title);
  });
  if (all.length > 8) parts.push(` and ${all.length - 8} more`);
  return parts;
}

/** Go to a box, wherever it is. */
function visit(id) {
  reveal(id);
  pinned = id;
  seen(id).element.focus({ preventScroll: true });
  panTo(seen(id).place);
  describe(id);
}

function histogram(values, name) {
  if (!values.histogram.length) return [];
  const [low, high] = [values.low, values.high].map((end) => Number(end).toPrecision(3));
  const look = { class: `histogram ${name}`, viewBox: "0 0 240 56", role: "img" };
  return [
    svg("svg", { ...look, "aria-label": `histogram from ${low} to ${high}` },
      svg("path", { d: bars(values.histogram, 0, 2, 240, 40) }),
      svg("text", { x: 0, y: 54 }, low),
      svg("text", { x: 240, y: 54, "text-anchor": "end" }, high)),
  ];
}

// ==== What the mouse, the finger and the keyboard do in the picture ====

const boxAt = (event) => event.target.closest?.("[data-id]")?.dataset.id;
const groupAt = (event) => event.target.closest?.("[data-group]")?.dataset.group;

// The mouse must have moved: when it rests and the picture moves below it, nothing is pointed at.
let pointed = null;
picture.addEventListener("pointermove", (event) => {
  const [id, group] = [boxAt(event), groupAt(event)];
  if (fingers.size || event.pointerType === "touch" || pointed === (id ?? group)) return;
  pointed = id ?? group;
  if (id !== undefined) describe(id);
  else if (group !== undefined) describeGroup(group);
  else if (pinned !== null) describe(pinned);
});
picture.addEventListener("focusin", (event) => {
  const id = boxAt(event);
  if (id !== undefined) describe(id);
  else describeGroup(groupAt(event));
  if (id !== undefined && event.target.matches(":focus-visible")) panTo(seen(id).place);
});
picture.addEventListener("click", (event) => {
  if (dragged > 6) return;
  const [id, group] = [boxAt(event), groupAt(event)];
  if (group !== undefined) toggle(group);
  else if (id !== undefined) describe((pinned = id));
  else hide();
});
picture.addEventListener("keydown", (event) => {
  const group = groupAt(event);
  if (event.key !== "Enter" && event.key !== " ") return;
  event.preventDefault();
  event.stopPropagation();
  if (group !== undefined) toggle(group);
  else if (boxAt(event) !== undefined) describe((pinned = boxAt(event)));
});

const keys = {
  ArrowRight: () => stepTo(position + 1),
  ArrowLeft: () => stepTo(position - 1),
  Home: () => stepTo(0),
  End: () => stepTo(graph.steps.length),
  " ": () => play.click(),
  "+": () => zoom(1.3),
  "-": () => zoom(1 / 1.3),
  0: () => fit(false),
  "/": () => search.focus(),
  Escape: () => hide(),
};
document.addEventListener("keydown", (event) => {
  const own = event.target.closest?.("input, button, summary");
  if (event.ctrlKey || event.metaKey || event.altKey || event.target === search || !(event.key in keys)) return;
  if (own && (event.key === " " || event.key === "Enter")) return;
  event.preventDefault();
  keys[event.key]();
});

// ==== Search ====

const haystack = new Map(graph.boxes.map((box) => {
  const module = around(box.group).map((group) => `${groups.get(group).path} ${groups.get(group).kind}`);
  const facts = (box.facts ?? []).map((fact) => fact.join(" "));
  return [box.id, [box.title, ...(box.lines ?? []), box.tooltip ?? "", ...module, ...facts].join("\n").toLowerCase()];
}));
let hits = [];
let hit = -1;

function markFound() {
  const words = search.value.trim().toLowerCase();
  hits = words ? [...haystack].filter(([, text]) => text.includes(words)).map(([id]) => id) : [];
  const there = new Set(hits);
  const hiding = new Set(hits.flatMap((id) => around(boxes.get(id).group)));
  picture.classList.toggle("searching", words !== "");
  for (const [id, element] of drawn.boxes) element.classList.toggle("hit", there.has(id));
  for (const [id, element] of drawn.closed) element.classList.toggle("hit", hiding.has(id));
  const which = hit >= 0 ? `${hit + 1} of ` : "";
  found.textContent = !words ? "" : hits.length ? `${which}${hits.length} found` : "none found";
}

search.addEventListener("input", () => {
  hit = -1;
  markFound();
  if (hits.length) panTo(seen(hits[0]).place);
});
search.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    search.value = "";
    hit = -1;
    markFound();
  }
  if (event.key !== "Enter" || !hits.length) return;
  hit = (hit + (event.shiftKey ? hits.length - 1 : 1)) % hits.length;
  reveal(hits[hit]);
  markFound();
  describe((pinned = hits[hit]));
  panTo(seen(hits[hit]).place);
});

// ==== Legend ====

const MEANINGS = {
  input: "input", parameter: "parameter", constant: "data without gradient", op: "operation",
  module: "folded operations", output: "output", hidden: "not drawn",
};

function explain(kind, text) {
  const rx = { op: 5, module: 5, output: 7, input: 8 }[kind] ?? 1;
  const rect = svg("rect", { class: "shape", x: 2, y: 2, width: 30, height: 16, rx });
  const sample = svg("g", { class: `sample ${kind}` }, rect);
  return html("li", {}, svg("svg", { width: 34, height: 20, "aria-hidden": "true" }, sample), text);
}

const present = new Set(graph.boxes.map((box) => box.kind));
const marked = new Set(graph.boxes.flatMap((box) => box.marks ?? []));
legend.append(html("ul", {},
  ...Object.keys(MEANINGS).filter((kind) => present.has(kind)).map((kind) => explain(kind, MEANINGS[kind])),
  marked.has("nan") ? explain("op has-nan", MARKS.nan) : null,
  marked.has("cut") ? explain("op has-cut", MARKS.cut) : null,
  heated
    ? html("li", {}, html("span", { class: "swatch warm" }),
        `the stronger, the ${graph.heat === "time" ? "longer the time" : "larger the gradient"}`)
    : null,
  html("li", {}, html("span", { class: "swatch forward" }), "step forward: the value is computed"),
  html("li", {}, html("span", { class: "swatch backward" }), "step backward: the gradient arrives"),
  html("li", {}, "Keys: \u2190 \u2192 step, space plays, / searches, + \u2212 0 zoom")));

// ==== Start ====

draw();
go(0);
fit(true);
let room = [picture.clientWidth, picture.clientHeight];
new ResizeObserver(() => {
  const now = [picture.clientWidth, picture.clientHeight];
  if (Math.abs(now[0] - room[0]) + Math.abs(now[1] - room[1]) > 120) fit(true); // the window is another, or was turned
  room = now;
}).observe(picture);
document.documentElement.dataset.ready = "true";
