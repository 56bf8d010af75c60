
// ==== Drawing ====
// Whatever text comes from the graph goes in by textContent or setAttribute, and so is never markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element of the page. */
function html(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** An element of a drawing. */
function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== null && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

function shortened(text, longest) {
  return text.length > longest ? `${text.slice(0, longest - 12)}\u2026${text.slice(-11)}` : text;
}

const SANS = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif";
const MONO = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace";
const FONTS = {
  title: `600 13px ${SANS}`, line: `11px ${SANS}`, value: `11px ${MONO}`, label: `10px ${SANS}`, mark: `600 11px ${SANS}`,
};
const pen = document.createElement("canvas").getContext("2d");

function widthOf(text, font) {
  pen.font = FONTS[font];
  return pen.measureText(text).width;
}

const ROWS = { title: 18, line: 15, value: 17, mark: 15 };
const MARKS = { nan: "NaN or infinity born here", cut: "no gradient passes" };
const NAMED = 38; // what "value" and "grad" take before the value itself
const BARS = [66, 13];

/** What stands in a box, row by row, and how large that makes it. */
function contentOf(box) {
  const rows = [{ font: "title", text: shortened(box.title, 44) || "\u00a0" }];
  for (const line of box.lines ?? []) rows.push({ font: "line", text: shortened(line, 48) });
  for (const [name, values] of [["value", box.value], ["grad", box.gradient]]) {
    if (!values) continue;
    const counts = values.histogram.length ? values.histogram : null;
    rows.push({ font: "value", name, text: shortened(values.text, 30), bars: counts });
  }
  for (const mark of box.marks ?? []) rows.push({ font: "mark", text: shortened(MARKS[mark] ?? mark, 44) });
  return measured(rows, 44);
}

/** The same for a closed group. */
function closedContentOf(group, count) {
  const rows = [{ font: "title", text: `+ ${shortened(group.path || group.kind, 44)}` }];
  if (group.path && group.kind) rows.push({ font: "line", text: shortened(group.kind, 48) });
  if (group.times > 1) rows.push({ font: "line", text: `\u00d7${group.times}, one is drawn` });
  for (const fact of group.facts.slice(0, 2)) rows.push({ font: "line", text: shortened(fact.join(": "), 48) });
  rows.push({ font: "line", text: count === 1 ? "1 box" : `${count.toLocaleString("en")} boxes` });
  return measured(rows, 64);
}

function measured(rows, least) {
  let [width, height] = [least, 14];
  for (const row of rows) {
    const wide = row.bars ? BARS[0] : widthOf(row.text, row.font);
    width = Math.max(width, wide + (row.name ? NAMED : 0) + 26);
    height += ROWS[row.font];
  }
  return { rows, size: [Math.ceil(width), height] };
}

/** A box, at the origin: its shape and rows of text. */
function drawBox(box, { rows, size: [width, height] }) {
  const rx = { op: 7, module: 7, output: 10, input: Math.min(16, height / 2) }[box.kind] ?? 2;
  const shape = { x: 0, y: 0, width, height, rx };
  const element = svg("g", {
    class: `box ${box.kind}`, tabindex: 0, role: "img", "aria-label": spoken(box), "data-id": box.id,
  });
  if (box.again) element.classList.add("again");
  for (const mark of box.marks ?? []) element.classList.add(`has-${mark === "nan" ? "nan" : "cut"}`);
  element.append(halo(width, height, rx));
  if (box.kind === "module") element.append(svg("rect", { ...shape, class: "shape behind", x: 4, y: -4 }));
  element.append(svg("rect", { ...shape, class: "shape" }));
  if (box.heat !== undefined) {
    element.append(svg("rect", { ...shape, class: "heat", "fill-opacity": 0.05 + 0.55 * box.heat }));
  }
  element.append(...drawRows(rows, width));
  return element;
}

/** Put a box at its place, which may be wider than it is, for a label below. */
function put(element, [ownWidth], [x, y, width]) {
  element.setAttribute("transform", `translate(${(x + (width - ownWidth) / 2).toFixed(1)} ${y.toFixed(1)})`);
  return element;
}

/** What lights up around a box. */
function halo(width, height, corner) {
  return svg("rect", { class: "halo", x: -4, y: -4, width: width + 8, height: height + 8, rx: corner + 4 });
}

function drawRows(rows, width) {
  let y = 7;
  return rows.flatMap((row) => {
    y += ROWS[row.font];
    if (!row.name) return [svg("text", { class: row.font, x: width / 2, y: y - 4 }, row.text)];
    const name = svg("text", { class: "name", x: 12, y: y - 4 }, row.name);
    const value = row.bars
      ? svg("path", { class: "bars", d: bars(row.bars, 12 + NAMED, y - 15, ...BARS) })
      : svg("text", { class: "value", x: 12 + NAMED, y: y - 4 }, row.text);
    return [svg("g", { class: `row ${row.name}` }, name, value)];
  });
}

/** A histogram as a path. */
function bars(counts, x, y, width, height) {
  const most = Math.max(...counts, 1);
  const step = width / counts.length;
  const wide = (step * 0.86).toFixed(1);
  const bar = (n, i) => {
    const tall = n ? Math.max(1, (n / most) * height) : 0.4;
    return `M${(x + i * step).toFixed(1)},${y + height}v${(-tall).toFixed(1)}h${wide}V${y + height}z`;
  };
  return counts.map(bar).join("");
}

function spoken(box) {
  const parts = [box.title, box.kind, ...(box.lines ?? [])];
  if (box.value) parts.push(`value ${box.value.text}`);
  if (box.gradient) parts.push(`gradient ${box.gradient.text}`);
  return parts.join(", ");
}

/** An open group: a frame, whose title closes it. */
function drawFrame(id, title, [x, y, width, height]) {
  const bar = svg("g", { class: "bar", ...handle(id, `${title}, open`, true) });
  bar.append(
    svg("rect", { class: "grip", x: x + 1, y: y + 1, width: width - 2, height: 23, rx: 8 }),
    svg("text", { class: "frame-title", x: x + 12, y: y + 17 }, `\u2212 ${title}`),
  );
  return svg("g", { class: "frame" }, svg("rect", { class: "border", x, y, width, height, rx: 9 }), bar);
}

/** A closed group, at the origin: a box that opens. */
function drawClosed(id, group, title, { rows, size: [width, height] }) {
  const shape = { class: "shape", x: 0, y: 0, width, height, rx: 9 };
  const element = svg("g", { class: "closed", ...handle(id, `${title}, closed`, false) }, halo(width, height, 9));
  if (group.times > 1) element.append(svg("rect", { ...shape, x: 5, y: -5, class: "shape behind" }));
  element.append(svg("rect", shape), ...drawRows(rows, width));
  return element;
}

/** What makes an element open and close a group. */
function handle(id, name, open) {
  return { tabindex: 0, role: "button", "aria-expanded": String(open), "aria-label": name, "data-group": id };
}

/** A piece of an arrow. */
function drawWay(way, dashed, turned, forward) {
  const [start, out, into, end] = way.points;
  const at = ([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`;
  const axis = turned ? 0 : 1;
  const moved = (point, by) => point.map((value, i) => (i === axis ? value + by : value));
  const [onward, along] = [forward ? 1 : -1, into[axis] - out[axis]];
  const turn = onward * TURN;
  // a loose one leaves and arrives in the usual direction, so that one sees where
  const bend = way.loose ? onward * (40 + Math.min(60, Math.abs(along) / 4)) : along / 2;
  const curves = way.aside
    ? [[out, turn, turn, way.aside[0]], [way.aside[1], -turn, -turn, into]]
    : [[out, bend, -bend, into]];
  let [d, last] = [`M${at(start)}`, start];
  const lineTo = (point) => at(point) === at(last) ? "" : `L${at(point)}`; // no line, or it would turn the tip
  for (const [from, leaving, arriving, to] of curves) {
    d += `${lineTo(from)}C${at(moved(from, leaving))} ${at(moved(to, arriving))} ${at(to)}`;
    last = to;
  }
  d += lineTo(end);
  const kind = `way${dashed || way.loose ? " dashed" : ""}${way.head ? " ends" : ""}${way.tail ? " starts" : ""}`;
  return svg("path", { class: kind, d });
}

const TURN = 12; // how far an arrow that turns round goes on first
const LABEL_HEIGHT = 12;

// Where the text beside an arrow stands: to the right of its start or end, below, and which end of the text is there.
const BESIDE_START = { TB: [5, 12, "start"], BT: [5, -5, "start"], LR: [5, -5, "start"], RL: [-5, -5, "end"] };
const BESIDE_END = { TB: [6, -10, "start"], BT: [6, 17, "start"], LR: [-10, -5, "end"], RL: [10, -5, "start"] };

/** The labels of arrows: where they start if they are the same on all from one box, else where they end. */
function drawLabels(labels, ways, direction) {
  const common = new Map();
  for (const [tail, said] of labels) {
    if (new Set(said.values()).size === 1) common.set(tail, said.values().next().value);
  }
  const done = new Set();
  const drawn = [];
  const arriving = new Map();
  for (const way of ways) {
    const same = common.has(way.source);
    const box = same ? way.tail : way.head;
    const text = same ? common.get(way.source) : labels.get(way.source).get(way.head);
    if (!text || !box || done.has(`${way.source} ${box}`)) continue;
    done.add(`${way.source} ${box}`);
    if (same) {
      drawn.push(drawLabel(...way.points[0], text, BESIDE_START[direction]));
    } else {
      if (!arriving.has(box)) arriving.set(box, []);
      arriving.get(box).push([...way.points[3], text]);
    }
  }
  for (const ends of arriving.values()) {
    for (const end of oneAboveTheOther(ends, direction)) drawn.push(drawLabel(...end, BESIDE_END[direction]));
  }
  return drawn;
}

/** The texts at the ends of arrows that arrive at one box, so that each can be read; once if they are the same. */
function oneAboveTheOther(ends, direction) {
  const [away, further] = direction === "BT" ? [LABEL_HEIGHT, Math.max] : [-LABEL_HEIGHT, Math.min];
  const across = direction === "LR" || direction === "RL" ? 1 : 0;
  ends.sort((a, b) => b[across] - a[across]);
  if (new Set(ends.map(([, , text]) => text)).size === 1) ends = ends.slice(0, 1);
  let level = ends[0][1] - away;
  return ends.map(([x, y, text]) => [x, (level = further(y, level + away)), text]);
}

function drawLabel(x, y, text, [right, down, anchor]) {
  return svg("text", { class: "label", x: x + right, y: y + down, "text-anchor": anchor }, shortened(text, 30));
}

const ICONS = {
  first: "M5 4v12M16 4l-9 6 9 6z", back: "M14 4l-9 6 9 6z", next: "M6 4l9 6-9 6z", last: "M15 4v12M4 4l9 6-9 6z",
  fit: "M3 8V3h5M12 3h5v5M17 12v5h-5M8 17H3v-5",
};

/** A sign on a button. It is drawn, since not every system has a letter for it. */
function icon(name) {
  const look = { class: `icon ${name}`, viewBox: "0 0 20 20", "aria-hidden": "true" };
  return svg("svg", look, svg("path", { d: ICONS[name] }));
}

/** The tips of arrows, in the colours that arrows have. */
function drawTips() {
  const look = {
    viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 9, markerHeight: 9, markerUnits: "userSpaceOnUse",
    orient: "auto-start-reverse",
  };
  const tip = (name) =>
    svg("marker", { id: `tip-${name}`, class: `tip ${name}`, ...look }, svg("path", { d: "M0,0.8L8,4L0,7.2z" }));
  return svg("defs", {}, ...["plain", "now", "back"].map(tip));
}
