
// ==== The graph ====

const graph = JSON.parse(document.getElementById("graph").textContent);
const boxes = new Map(graph.boxes.map((box) => [box.id, box]));
const groups = new Map(Object.entries(graph.groups));
const closed = new Set(graph.closed);
const turned = graph.direction === "LR" || graph.direction === "RL";
const forward = graph.direction === "TB" || graph.direction === "LR"; // as the coordinates grow
const calm = window.matchMedia("(prefers-reduced-motion: reduce)");

const parents = new Map(); // of groups: the group around
const places = new Map(); // of nodes in levels: "level kind id" -> number
const linkInto = new Map(); // "level lower source" -> number of the link that brings the source's arrow there
for (const [id, level] of Object.entries(graph.levels)) {
  level.nodes.forEach(([kind, name], number) => {
    if (kind === "group") parents.set(name, id);
    if (kind !== "via") places.set(`${id} ${kind} ${name}`, number);
  });
  level.links.forEach(([, lower, source], number) => linkInto.set(`${id} ${lower} ${source}`, number));
  level.loose.forEach(([, lower, source], number) => {
    linkInto.set(`${id} ${lower} ${source}`, level.links.length + number);
  });
}
const counts = new Map(); // of groups: how many boxes are in them, at any depth
for (const box of graph.boxes) for (const group of around(box.group)) counts.set(group, (counts.get(group) ?? 0) + 1);
const comesFrom = new Map(graph.boxes.map((box) => [box.id, []]));
const goesTo = new Map(graph.boxes.map((box) => [box.id, []]));
const labels = new Map();
for (const [tail, head, label] of graph.arrows) {
  comesFrom.get(head).push(tail);
  goesTo.get(tail).push(head);
  if (!labels.has(tail)) labels.set(tail, new Map());
  labels.get(tail).set(head, label);
}
for (const [tail, head, label] of graph.parallel) labels.get(tail).set(head, label); // drawn as one

/** A group and those around it, from the inside outwards. */
function around(group) {
  const found = [];
  for (let at = group; at; at = parents.get(at)) found.push(at);
  return found;
}

function titleOf(group) {
  const { path, kind, times } = groups.get(group);
  const text = [path, kind].filter(Boolean).map((part) => shortened(part, 44)).join(": ");
  return times > 1 ? `${text} (\u00d7${times})` : text;
}

/** The pieces of one arrow, from its head back to its tail, whether they are to be seen or not. */
function route(tail, head) {
  const keys = [];
  let level = boxes.get(head).group;
  let node = places.get(`${level} box ${head}`);
  while (node !== undefined) {
    const number = linkInto.get(`${level} ${node} ${tail}`);
    if (number === undefined) break;
    keys.push(`${level} ${number}`);
    const { nodes, links, loose } = graph.levels[level];
    const upper = (links[number] ?? loose[number - links.length])[0];
    const [kind, id] = nodes[upper];
    if (kind === "box") break;
    if (kind === "via") node = upper;
    else if (kind === "in") [node, level] = [places.get(`${parents.get(level)} group ${level}`), parents.get(level)];
    else [node, level] = [places.get(`${id} out ${tail}`), id];
  }
  return keys;
}

const routes = []; // of arrows, as far as they were asked for

// ==== The page's parts ====

const picture = svg("svg", {
  id: "picture", class: graph.heat ? "hot" : null, role: "group", "aria-label": `Graph: ${graph.summary}`,
});
const layer = svg("g", { id: "layer" });
picture.append(drawTips(), layer);
const search = html("input", {
  id: "search", type: "search", placeholder: "Search boxes\u2026", "aria-label": "Search boxes", autocomplete: "off",
  spellcheck: "false",
});
const found = html("span", { id: "found", role: "status" });
const panel = html("aside", { id: "panel", "aria-label": "Details", hidden: "" });
const sentence = html("p", { id: "sentence", role: "status" });
const slider = html("input", {
  id: "slider", type: "range", min: 0, max: graph.steps.length, value: 0, step: 1, "aria-label": "Step",
});
const button = (id, face, name, click) =>
  html("button", { id, type: "button", "aria-label": name, title: name, click }, face);
const play = button("play", "Play", "Play", () => (timer ? pause() : start()));
const legend = html("details", { id: "legend" }, html("summary", {}, "Legend"));

const heated = graph.boxes.some((box) => box.heat !== undefined);
const heat = (event) => picture.classList.toggle("hot", event.target.checked);

document.body.append(
  html("header", {},
    html("h1", {}, graph.summary),
    graph.caption ? html("p", { id: "caption" }, graph.caption) : null,
    html("div", { id: "tools" }, search, found,
      groups.size ? button("open-all", "Open all", "Open all modules", () => setClosed([])) : null,
      groups.size ? button("close-all", "Close all", "Close all modules", () => setClosed(groups.keys())) : null,
      heated
        ? html("label", { id: "heat" },
            html("input", { type: "checkbox", change: heat, checked: graph.heat ? "" : null }),
            ` colour by ${graph.heat ?? "gradient"}`)
        : null)),
  html("main", {}, picture, legend,
    html("div", { id: "zoom" },
      button("zoom-in", "+", "Zoom in", () => zoom(1.3)),
      button("zoom-out", "\u2212", "Zoom out", () => zoom(1 / 1.3)),
      button("fit", icon("fit"), "Fit the whole graph", () => fit(false)))),
  panel,
  html("footer", {},
    sentence,
    html("div", { id: "controls" },
      button("first", icon("first"), "To the start", () => stepTo(0)),
      button("back", icon("back"), "Step back", () => stepTo(position - 1)),
      play,
      button("next", icon("next"), "Step forward", () => stepTo(position + 1)),
      button("last", icon("last"), "To the end", () => stepTo(graph.steps.length)),
      slider)),
);

// ==== Layout and drawing ====

const contents = new Map(graph.boxes.map((box) => [box.id, contentOf(box)]));
const closedContents = new Map([...groups].map(([id, group]) => [id, closedContentOf(group, counts.get(id) ?? 0)]));
const titles = new Map([...groups.keys()].map((id) => [id, widthOf(`\u2212 ${titleOf(id)}`, "title") + 4]));
const labelWidths = new Map([...labels].map(([tail, said]) => {
  return [tail, Math.max(...[...said.values()].map((text) => widthOf(shortened(text, 30), "label")))];
}));
const widestLabel = Math.max(0, ...[...labelWidths.values()].slice(0, 50000));
let shown; // what arrange() found
const drawn = { boxes: new Map(), closed: new Map(), ways: new Map() };

function draw() {
  const sizes = new Map();
  for (const [id, { size: [width, height] }] of contents) {
    sizes.set(id, [turned ? width : Math.max(width, 2 * (labelWidths.get(id) ?? 0) + 14), height]);
  }
  for (const [id, { size }] of closedContents) sizes.set(id, size);
  shown = arrange(graph.levels, sizes, titles, closed, graph.direction, turned ? widestLabel + 18 : 0);
  const frames = [...shown.frames].map(([id, place]) => drawFrame(id, titleOf(id), place));
  const dashed = (way) => ["constant", "hidden"].includes(boxes.get(way.source).kind);
  drawn.ways = new Map(shown.ways.map((way) => [way.key, drawWay(way, dashed(way), turned, forward)]));
  drawn.boxes = placed(shown.boxes, contents, (id) => drawBox(boxes.get(id), contents.get(id)));
  drawn.closed = placed(shown.closed, closedContents, (id) => {
    return drawClosed(id, groups.get(id), titleOf(id), closedContents.get(id));
  });
  const said = drawLabels(labels, shown.ways, graph.direction);
  layer.replaceChildren(...frames, ...drawn.ways.values(), ...said, ...drawn.closed.values(), ...drawn.boxes.values());
  mark();
  markFound();
}

const kept = new Map(); // what was drawn once is only moved when it is drawn again

function placed(places, contents, make) {
  const found = new Map();
  for (const [id, place] of places) {
    const content = contents.get(id);
    if (!kept.has(content)) kept.set(content, make(id));
    found.set(id, put(kept.get(content), content.size, place));
  }
  return found;
}

/** The box as it is to be seen: itself, or the outermost closed group around it. */
function seen(id) {
  const hiding = around(boxes.get(id).group).filter((group) => closed.has(group)).pop();
  return hiding === undefined
    ? { element: drawn.boxes.get(id), place: shown.boxes.get(id) }
    : { element: drawn.closed.get(hiding), place: shown.closed.get(hiding) };
}

function setClosed(which) {
  closed.clear();
  for (const group of which) closed.add(group);
  draw();
  fit(true);
}

/** Open or close a group, and let its corner stay where it is on the screen. */
function toggle(group) {
  const before = shown.frames.get(group) ?? shown.closed.get(group);
  if (!closed.delete(group)) closed.add(group);
  draw();
  const after = shown.frames.get(group) ?? shown.closed.get(group);
  view.x += (before[0] - after[0]) * view.scale;
  view.y += (before[1] - after[1]) * view.scale;
  moveTo(view);
  layer.querySelector(`[data-group="${CSS.escape(group)}"]`).focus({ preventScroll: true });
}

function reveal(id) {
  const hiding = around(boxes.get(id).group).filter((group) => closed.has(group));
  hiding.forEach((group) => closed.delete(group));
  if (hiding.length) draw();
}

// ==== The view: pan and zoom ====

const view = { x: 0, y: 0, scale: 1 };
let glide = 0;

function moveTo({ x, y, scale }, smoothly = false) {
  cancelAnimationFrame(glide);
  const from = { ...view };
  const begun = performance.now();
  const frame = (now) => {
    const t = smoothly && !calm.matches ? Math.min(1, (now - begun) / 260) : 1;
    const eased = t * (2 - t);
    view.x = from.x + (x - from.x) * eased;
    view.y = from.y + (y - from.y) * eased;
    view.scale = from.scale + (scale - from.scale) * eased;
    const [left, top, size] = [view.x.toFixed(2), view.y.toFixed(2), view.scale.toFixed(4)];
    layer.setAttribute("transform", `translate(${left} ${top}) scale(${size})`);
    if (t < 1) glide = requestAnimationFrame(frame);
  };
  frame(begun);
}

/** Show all; or, if that would be too small to be read, the start of it. */
function fit(readable) {
  const { width, height } = picture.getBoundingClientRect();
  const margin = Math.min(28, width / 20);
  const side = Math.min(56, width / 20); // where there is room, beside the buttons
  const fits = [(width - 2 * side) / shown.width, (height - 2 * margin) / shown.height];
  let scale = Math.min(...fits, 1.4);
  if (readable && scale < 0.6) scale = Math.max(scale, Math.min(0.85, Math.max(0.45, fits[turned ? 1 : 0])));
  scale = Math.max(scale, 0.01);
  const first = graph.boxes.length ? seen(graph.boxes[0].id).place : [0, 0, 0, 0];
  const origin = (room, size, along, start) => {
    if (size * scale <= room) return (room - size * scale) / 2;
    if (!along) return room / 2 - start * scale;
    return forward ? margin : room - size * scale - margin;
  };
  const x = origin(width, shown.width, turned, first[0] + first[2] / 2);
  const y = origin(height, shown.height, !turned, first[1] + first[3] / 2);
  moveTo({ x, y, scale });
}

function zoom(factor, x = picture.clientWidth / 2, y = picture.clientHeight / 2) {
  const scale = Math.min(6, Math.max(0.01, view.scale * factor));
  moveTo({ x: x - ((x - view.x) * scale) / view.scale, y: y - ((y - view.y) * scale) / view.scale, scale });
}

/** Bring a place of the picture into view, beside the panel, large enough to be read. */
function panTo([left, top, w, h]) {
  const { width: whole, height } = picture.getBoundingClientRect();
  const width = whole - (whole > 700 && !panel.hidden ? panel.offsetWidth : 0);
  const scale = view.scale < 0.55 ? 0.85 : view.scale;
  const [x, y] = [left + w / 2, top + h / 2];
  const [screenX, screenY] = [view.x + x * scale, view.y + y * scale];
  const room = Math.min(80, width / 5);
  const headroom = Math.min(120, height / 4); // what it is linked with should be seen, too
  const inView = screenX > room && screenX < width - room && screenY > headroom && screenY < height - headroom;
  if (!inView || scale !== view.scale) moveTo({ x: width / 2 - x * scale, y: height / 2 - y * scale, scale }, true);
}

const fingers = new Map();
let dragged = 0;
picture.addEventListener("wheel", (event) => {
  event.preventDefault();
  const { left, top } = picture.getBoundingClientRect();
  zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), event.clientX - left, event.clientY - top);
}, { passive: false });
picture.addEventListener("pointerdown", (event) => {
  fingers.set(event.pointerId, event);
  if (fingers.size === 1) dragged = 0;
});
window.addEventListener("pointermove", (event) => {
  const last = fingers.get(event.pointerId);
  if (!last) return;
  const [dx, dy] = [event.clientX - last.clientX, event.clientY - last.clientY];
  dragged += Math.abs(dx) + Math.abs(dy);
  const others = [...fingers.values()].filter((finger) => finger.pointerId !== event.pointerId);
  if (others.length) {
    const { left, top } = picture.getBoundingClientRect();
    const { clientX: x, clientY: y } = others[0];
    const distance = (finger) => Math.hypot(finger.clientX - x, finger.clientY - y);
    const factor = distance(event) / Math.max(1, distance(last));
    zoom(factor, (event.clientX + x) / 2 - left, (event.clientY + y) / 2 - top);
  }
  const share = 1 / (others.length + 1);
  moveTo({ x: view.x + dx * share, y: view.y + dy * share, scale: view.scale });
  fingers.set(event.pointerId, event);
});
for (const end of ["pointerup", "pointercancel"]) {
  window.addEventListener(end, (event) => fingers.delete(event.pointerId));
}

// ==== The step player ====

let position = 0; // how many steps are done; 0 shows everything
let timer = 0;
const arrived = { forward: new Map(), backward: new Map() }; // boxes' steps, counted from 1
graph.steps.forEach((step, number) => step.boxes.forEach((id) => arrived[step.phase].set(id, number + 1)));
const forwardSteps = graph.steps.filter((step) => step.phase === "forward").length;
slider.style.setProperty("--turn", `${(100 * forwardSteps) / Math.max(1, graph.steps.length)}%`);

function hasValue(id) {
  return !position || (arrived.forward.get(id) ?? 0) <= position;
}

function hasGradient(id) {
  return !position || (arrived.backward.get(id) ?? Infinity) <= position;
}

function go(to) {
  position = Math.max(0, Math.min(graph.steps.length, to));
  slider.value = position;
  const step = graph.steps[position - 1];
  sentence.textContent = step ? step.text : startText();
  sentence.className = step ? step.phase : "";
  slider.setAttribute("aria-valuetext", sentence.textContent);
  mark();
  if (position === graph.steps.length) pause();
  if (step) {
    describe(step.boxes[0], false);
    panTo(seen(step.boxes[0]).place);
  }
}

function startText() {
  const backward = graph.steps.length - forwardSteps;
  if (!graph.steps.length) return "There are no steps to show.";
  const then = backward ? `, then ${backward} steps backward` : "";
  return `Press Play, or the right arrow key: ${forwardSteps} steps forward${then}.`;
}

/** Show what is there at this step, what is new, and what is yet to come. */
function mark() {
  const step = graph.steps[position - 1];
  const now = new Set(step?.boxes);
  picture.classList.toggle("playing", position > 0);
  picture.classList.toggle("backward", step?.phase === "backward");
  for (const [id, element] of drawn.boxes) {
    element.classList.toggle("later", !hasValue(id));
    element.classList.toggle("no-gradient", !hasGradient(id));
    element.classList.toggle("back", position > forwardSteps && hasGradient(id));
    element.classList.toggle("now", now.has(id));
  }
  for (const element of drawn.closed.values()) element.classList.remove("now");
  for (const id of now) seen(id).element.classList.add("now");
  markWays(now, step?.phase);
}

function markWays(now, phase) {
  const marks = new Map();
  for (const [number, [tail, head]] of phase ? graph.arrows.entries() : []) {
    const names = [];
    if (hasValue(tail) && hasValue(head)) names.push("lit");
    if (phase === "forward" && now.has(head)) names.push("now");
    const sent = hasGradient(head) || boxes.get(head).kind === "output";
    if (phase === "backward" && hasGradient(tail) && sent) names.push("back");
    if (phase === "backward" && now.has(tail)) names.push("now");
    if (!names.length) continue;
    routes[number] ??= route(tail, head);
    for (const key of routes[number]) {
      if (!marks.has(key)) marks.set(key, new Set());
      names.forEach((name) => marks.get(key).add(name));
    }
  }
  for (const [key, element] of drawn.ways) {
    for (const name of ["lit", "now", "back"]) element.classList.toggle(name, marks.get(key)?.has(name) ?? false);
  }
}

function start() {
  if (position === graph.steps.length) go(0);
  timer = setInterval(() => go(position + 1), 1100);
  play.textContent = "Pause";
  play.setAttribute("aria-label", "Pause");
  go(position + 1);
}

function pause() {
  clearInterval(timer);
  timer = 0;
  play.textContent = "Play";
  play.setAttribute("aria-label", "Play");
}

/** Go to a step by hand: then nothing plays any more. */
function stepTo(to) {
  pause();
  go(to);
}

slider.addEventListener("input", () => stepTo(Number(slider.value)));
