
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
const FONTS = { title: `600 13px ${SANS}`, line: `11px ${SANS}`, value: `11px ${MONO}`, label: `10px ${SANS}` };
const pen = document.createElement("canvas").getContext("2d");

function widthOf(text, font) {
  pen.font = FONTS[font];
  return pen.measureText(text).width;
}

const ROWS = { title: 18, line: 15, value: 17 };
const NAMED = 38; // what "value" and "grad" take before the value itself
const BARS = [66, 13];

/** What stands in a box, row by row, and how large that makes it. */
function contentOf(box) {
  const rows = [{ font: "title", text: shortened(box.title, 44) || "\u00a0" }];
  for (const line of box.lines ?? []) rows.push({ font: "line", text: shortened(line, 48) });
  for (const [name, values] of [["value", box.value], ["grad", box.gradient]]) {
    if (values) rows.push({ font: "value", name, text: shortened(values.text, 30), bars: values.histogram.length ? values.histogram : null });
  }
  return measured(rows, 44);
}

/** The same for a closed group. */
function closedContentOf(group, count) {
  const rows = [{ font: "title", text: `+ ${shortened(group.path || group.kind, 44)}` }];
  if (group.path) rows.push({ font: "line", text: shortened(group.kind, 48) });
  if (group.times > 1) rows.push({ font: "line", text: `\u00d7${group.times}, one is drawn` });
  for (const [name, text] of group.facts.slice(0, 2)) rows.push({ font: "line", text: shortened(`${name}: ${text}`, 48) });
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

/** A box: its shape, rows of text, and marks. */
function drawBox(box, content, [x, y, width, height]) {
  const [own] = content.size; // its place may be wider, for a label below it
  const left = x + (width - own) / 2;
  const corner = { op: 7, module: 7, output: 10, input: Math.min(16, height / 2) }[box.kind] ?? 2;
  const shape = { x: left, y, width: own, height, rx: corner };
  const element = svg("g", { class: `box ${box.kind}`, tabindex: 0, role: "img", "aria-label": spoken(box), "data-id": box.id });
  if (box.again) element.classList.add("again");
  for (const mark of box.marks ?? []) element.classList.add(`has-${mark === "nan" ? "nan" : "cut"}`);
  element.append(svg("rect", { class: "halo", x: left - 4, y: y - 4, width: own + 8, height: height + 8, rx: corner + 4 }));
  if (box.kind === "module") element.append(svg("rect", { ...shape, class: "shape behind", x: left + 4, y: y - 4 }));
  element.append(svg("rect", { ...shape, class: "shape" }));
  if (box.heat !== undefined) element.append(svg("rect", { ...shape, class: "heat", "fill-opacity": 0.08 + 0.72 * box.heat }));
  element.append(...drawRows(content.rows, left, y, own));
  const marks = (box.marks ?? []).map((mark) => ({ nan: "NaN born here", cut: "no gradient passes" })[mark] ?? mark);
  marks.forEach((mark, number) => {
    element.append(svg("text", { class: "mark", x: left + own + 5, y: y + 12 + 12 * number }, mark));
  });
  return element;
}

function drawRows(rows, left, top, width) {
  let y = top + 7;
  return rows.flatMap((row) => {
    y += ROWS[row.font];
    if (!row.name) return [svg("text", { class: row.font, x: left + width / 2, y: y - 4 }, row.text)];
    const part = svg("g", { class: `row ${row.name}` }, svg("text", { class: "name", x: left + 12, y: y - 4 }, row.name));
    if (row.bars) part.append(svg("path", { class: "bars", d: bars(row.bars, left + 12 + NAMED, y - 15, ...BARS) }));
    else part.append(svg("text", { class: "value", x: left + 12 + NAMED, y: y - 4 }, row.text));
    return [part];
  });
}

/** A histogram as a path. */
function bars(counts, x, y, width, height) {
  const most = Math.max(...counts, 1);
  const step = width / counts.length;
  const tall = (n) => (n ? Math.max(1, (n / most) * height) : 0.4);
  return counts.map((n, i) => `M${(x + i * step).toFixed(1)},${y + height}v${-tall(n).toFixed(1)}h${(step * 0.86).toFixed(1)}V${y + height}z`).join("");
}

function spoken(box) {
  const parts = [box.title, box.kind, ...(box.lines ?? [])];
  if (box.value) parts.push(`value ${box.value.text}`);
  if (box.gradient) parts.push(`gradient ${box.gradient.text}`);
  return parts.join(", ");
}

/** An open group: a frame, whose title closes it. */
function drawFrame(id, group, title, [x, y, width, height], depth) {
  const bar = svg("g", { class: "bar", tabindex: 0, role: "button", "aria-expanded": "true", "data-group": id, "aria-label": `${title}, open` });
  bar.append(
    svg("rect", { class: "grip", x: x + 1, y: y + 1, width: width - 2, height: 23, rx: 8 }),
    svg("text", { class: "frame-title", x: x + 12, y: y + 17 }, `\u2212 ${title}`),
  );
  return svg("g", { class: `frame ${depth % 2 ? "odd" : "even"}` }, svg("rect", { class: "border", x, y, width, height, rx: 9 }), bar);
}

/** A closed group: a box that opens. */
function drawClosed(id, group, title, content, [x, y, width, height]) {
  const shape = { class: "shape", x, y, width, height, rx: 9 };
  const element = svg("g", { class: "closed", tabindex: 0, role: "button", "aria-expanded": "false", "data-group": id, "aria-label": `${title}, closed` });
  element.append(svg("rect", { class: "halo", x: x - 4, y: y - 4, width: width + 8, height: height + 8, rx: 13 }));
  if (group.times > 1) element.append(svg("rect", { ...shape, x: x + 5, y: y - 5, class: "shape behind" }));
  element.append(svg("rect", shape), ...drawRows(content.rows, x, y, width));
  return element;
}

/** A piece of an arrow. */
function drawWay(way, dashed, turned) {
  const [start, out, into, end] = way.points;
  const at = ([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`;
  const same = (p, q) => Math.abs(p[0] - q[0]) + Math.abs(p[1] - q[1]) < 0.05; // no line, or it would turn the tip
  const [p, q] = turned
    ? [[(out[0] + into[0]) / 2, out[1]], [(out[0] + into[0]) / 2, into[1]]]
    : [[out[0], (out[1] + into[1]) / 2], [into[0], (out[1] + into[1]) / 2]];
  const d = `M${at(start)}${same(start, out) ? "" : `L${at(out)}`}C${at(p)} ${at(q)} ${at(into)}${same(into, end) ? "" : `L${at(end)}`}`;
  const kind = `way${dashed || way.loose ? " dashed" : ""}${way.head ? " ends" : ""}${way.tail ? " starts" : ""}`;
  return svg("path", { class: kind, d });
}

/** The labels of arrows: where they start if they are the same on all from one box, else where they end. */
function drawLabels(labels, ways, direction) {
  const [right, down] = { TB: [5, 12], BT: [5, -5], LR: [5, -5], RL: [-5, -5] }[direction];
  const done = new Set();
  const drawn = [];
  for (const way of ways) {
    const said = labels.get(way.source);
    if (!said) continue;
    const same = new Set(said.values()).size === 1;
    const box = same ? way.tail : way.head;
    const text = same ? said.values().next().value : said.get(way.head);
    if (!text || !box || done.has(`${way.source} ${box}`)) continue;
    done.add(`${way.source} ${box}`);
    const [x, y] = same ? way.points[0] : way.points[3];
    const place = same ? [x + right, y + down] : [x + 5, y - 2 * down];
    drawn.push(svg("text", { class: "label", x: place[0], y: place[1], "text-anchor": same && right < 0 ? "end" : "start" }, shortened(text, 30)));
  }
  return drawn;
}

const ICONS = {
  first: "M5 4v12M16 4l-9 6 9 6z", back: "M14 4l-9 6 9 6z", next: "M6 4l9 6-9 6z", last: "M15 4v12M4 4l9 6-9 6z",
  fit: "M3 8V3h5M12 3h5v5M17 12v5h-5M8 17H3v-5",
};

/** A sign on a button. It is drawn, since not every system has a letter for it. */
function icon(name) {
  return svg("svg", { class: `icon ${name}`, viewBox: "0 0 20 20", "aria-hidden": "true" }, svg("path", { d: ICONS[name] }));
}

/** The tips of arrows, in the colours that arrows have. */
function drawTips() {
  const tips = ["plain", "now", "back"].map((name) =>
    svg("marker", { id: `tip-${name}`, class: `tip ${name}`, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 9, markerHeight: 9, orient: "auto-start-reverse", markerUnits: "userSpaceOnUse" },
      svg("path", { d: "M0,0.8L8,4L0,7.2z" })));
  return svg("defs", {}, ...tips);
}
