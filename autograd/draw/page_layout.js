"use strict";

// ==== From rows to coordinates ====
// The same as places.py, where the ideas are explained: what changes here changes there. It is done in the browser
// because frames open and close. Rows and the order in them stay as they are: each group was laid out by itself.

const GAPS = { box: 12, group: 14, via: 6, in: 12, out: 12 };
const ROW_GAP = 34;
const PORT_GAP = 12;
const FRAME = 12;
const TITLE = 28;
const SWEEPS = 24;
const WORK = 120000;
const SPREAD = 18;
const ASIDE = 8;
const LANES = 6;

/** The rectangles of all boxes and frames that are to be seen, and the pieces of arrows between them. */
function arrange(levels, sizes, titles, closed, direction, rowGap) {
  const turned = direction === "LR" || direction === "RL";
  const flipped = direction === "BT" || direction === "RL";
  const spans = new Map();
  for (const [id, [width, height]] of sizes) spans.set(id, turned ? [height, width] : [width, height]);
  const inside = new Map();
  for (const group of openGroups(levels, closed).reverse()) {
    const within = settle(levels[group], spans, inside, Math.max(ROW_GAP, rowGap));
    inside.set(group, within);
    if (!group) continue;
    if (turned) {
      stretch(within, titles.get(group));
      spans.set(group, [within.across + TITLE + FRAME, within.along + 2 * FRAME]);
    } else {
      spans.set(group, [Math.max(within.across, titles.get(group)) + 2 * FRAME, within.along + TITLE + FRAME]);
    }
  }
  return plan(inside, turned, flipped);
}

/** The whole picture, and all open groups that only open groups are around; the outer before the inner. */
function openGroups(levels, closed) {
  const found = [""];
  for (const group of found) {
    for (const [kind, id] of levels[group].nodes) if (kind === "group" && !closed.has(id)) found.push(id);
  }
  return found;
}

/** A level's nodes at their places in it: c across the direction of the arrows, and where its rows are along it. */
function settle(level, spans, inside, rowGap) {
  const within = { level, ports: new Map(), row: [], starts: [], ends: [], along: 0 };
  within.spans = level.nodes.map(([kind, id]) => (kind === "box" || kind === "group" ? spans.get(id) : [0, 0]));
  level.nodes.forEach(([kind, id], number) => {
    if (kind === "in" || kind === "out") within.ports.set(kind + id, number);
  });
  level.rows.forEach((row, number) => row.forEach((node) => (within.row[node] = number)));
  const port = (node, side, source) => {
    const group = level.nodes[node][0] === "group" && inside.get(level.nodes[node][1]);
    return group ? group.c[group.ports.get(side + source)] - group.across / 2 : 0;
  };
  const links = level.links.map(([upper, lower, source, weight]) => ({
    upper, lower, start: port(upper, "out", source), end: port(lower, "in", source), weight,
  }));
  const c = acrossRows(level, within.spans, links);
  const low = c.reduce((least, place, node) => Math.min(least, place - within.spans[node][0] / 2), Infinity);
  within.c = c.map((place) => place - low);
  within.across = within.c.reduce((most, place, node) => Math.max(most, place + within.spans[node][0] / 2), 0);
  within.aside = new Map();
  for (const [tail, head, source] of level.loose) {
    if (within.row[head] > within.row[tail] || within.aside.has(source)) continue;
    within.aside.set(source, within.across + (1 + (within.aside.size % LANES)) * ASIDE);
  }
  within.across = Math.max(within.across, ...within.aside.values());
  alongRows(within, links, rowGap);
  return within;
}

function acrossRows(level, spans, links) {
  const above = level.nodes.map(() => []);
  const below = level.nodes.map(() => []);
  for (const { upper, lower, start, end, weight } of links) {
    above[lower].push([upper, start - end, weight]);
    below[upper].push([lower, end - start, weight]);
  }
  const both = above.map((up, node) => up.concat(below[node]));
  const half = level.nodes.map(([kind], node) => GAPS[kind] + spans[node][0] / 2);
  const c = [];
  const settleRow = (row, wanted, weights) => {
    apart(wanted, weights, row.map((node) => half[node])).forEach((place, number) => (c[row[number]] = place));
  };
  for (const row of level.rows) settleRow(row, row.map(() => 0), row.map(() => 1));
  const sweeps = Math.min(SWEEPS, 4 + Math.floor(WORK / Math.max(1, c.length)));
  for (let sweep = 0; sweep < sweeps; sweep++) {
    const near = sweep >= Math.floor(sweeps / 4) ? both : sweep % 2 ? below : above;
    const rows = sweep % 2 ? level.rows.slice().reverse() : level.rows;
    for (const row of rows) {
      const wanted = [];
      const weights = [];
      for (const node of row) {
        let [sum, total] = [0, 0];
        for (const [other, shift, weight] of near[node].length ? near[node] : both[node]) {
          sum += (c[other] + shift) * weight;
          total += weight;
        }
        wanted.push(total ? sum / total : c[node]);
        weights.push(total || 0.01);
      }
      settleRow(row, wanted, weights);
    }
  }
  straighten(level, c, half);
  return c;
}

/** Let long arrows pass as many rows as they can in a straight line, between what stands there. */
function straighten(level, c, half) {
  const isVia = (node) => level.nodes[node][0] === "via";
  const following = new Map();
  for (const [upper, lower] of level.links) if (isVia(upper) && isVia(lower)) following.set(upper, lower);
  const room = new Map();
  for (const row of level.rows) row.forEach((node, number) => room.set(node, [row[number - 1], row[number + 1]]));
  const later = new Set(following.values());
  for (const first of [...following.keys()].filter((node) => !later.has(node)).sort((a, b) => a - b)) {
    let [run, low, high] = [[], -Infinity, Infinity];
    for (let node = first; node !== undefined; node = following.get(node)) {
      const [left, right] = room.get(node);
      const least = left === undefined ? -Infinity : c[left] + half[left] + half[node];
      const most = right === undefined ? Infinity : c[right] - half[right] - half[node];
      if (run.length && Math.max(low, least) > Math.min(high, most)) {
        align(c, run, low, high);
        [run, low, high] = [[], -Infinity, Infinity];
      }
      run.push(node);
      [low, high] = [Math.max(low, least), Math.min(high, most)];
    }
    align(c, run, low, high);
  }
}

function align(c, run, low, high) {
  const middle = Math.min(Math.max(run.reduce((sum, node) => sum + c[node], 0) / run.length, low), high);
  for (const node of run) c[node] = middle;
}

/** The places nearest to those wanted at which neighbours are as far apart as their halves say. */
function apart(wanted, weights, half) {
  const shifts = [];
  half.forEach((size, number) => shifts.push(number ? shifts[number - 1] + size + half[number - 1] : 0));
  const blocks = [];
  wanted.forEach((want, number) => {
    let [mean, total, count] = [want - shifts[number], weights[number], 1];
    while (blocks.length && blocks[blocks.length - 1][0] > mean) {
      const [before, heavy, more] = blocks.pop();
      mean = (mean * total + before * heavy) / (total + heavy);
      total += heavy;
      count += more;
    }
    blocks.push([mean, total, count]);
  });
  const places = [];
  for (const [mean, , count] of blocks) {
    for (let i = 0; i < count; i++) places.push(mean + shifts[places.length]);
  }
  return places;
}

function alongRows(within, links, rowGap) {
  const { level, row } = within;
  const far = level.rows.map(() => 0);
  for (const { upper, lower, start, end } of links) {
    far[row[upper]] = Math.max(far[row[upper]], Math.abs(within.c[upper] + start - within.c[lower] - end));
  }
  let a = 0;
  level.rows.forEach((nodes, number) => {
    within.starts.push(a);
    a += Math.max(...nodes.map((node) => within.spans[node][1]));
    within.ends.push(a);
    const following = level.rows[number + 1];
    if (!following) return;
    const port = level.nodes[nodes[0]][0] === "in" || level.nodes[following[0]][0] === "out";
    a += (port ? PORT_GAP : rowGap) + Math.min(60, far[number] / 10);
  });
  within.along = a;
}

/** Be at least this long, with what leaves the level at its far edge. */
function stretch(within, along) {
  within.along = Math.max(within.along, along);
  const last = within.level.rows.length - 1;
  if (within.level.rows[last].some((node) => within.level.nodes[node][0] === "out")) {
    within.starts[last] = within.ends[last] = within.along;
  }
}

/** Put the levels into one another. */
function plan(inside, turned, flipped) {
  const whole = inside.get("");
  const point = (c, a) => {
    const along = flipped ? whole.along - a : a;
    return turned ? [along, c] : [c, along];
  };
  const padC = turned ? TITLE : FRAME;
  const padA = turned || flipped ? FRAME : TITLE;
  const padZ = !turned && flipped ? TITLE : FRAME;
  const [width, height] = turned ? [whole.along, whole.across] : [whole.across, whole.along];
  const drawing = { width, height, boxes: new Map(), frames: new Map(), closed: new Map(), ways: [] };
  const corners = new Map([["", [0, 0]]]);
  for (const [group, within] of [...inside].reverse()) {
    const [c0, a0] = corners.get(group);
    const extents = within.level.nodes.map(([kind, id], node) => {
      let start = within.starts[within.row[node]] + a0;
      let end = within.ends[within.row[node]] + a0;
      if (kind === "in") return [start - padA, end];
      if (kind === "out") return [start, end + padZ];
      if (kind === "via") return [start, end];
      const [across, along] = within.spans[node];
      start += (end - start - along) / 2;
      end = start + along;
      const left = c0 + within.c[node] - across / 2;
      const [[x, y], [u, v]] = [point(left, start), point(left + across, end)];
      const frame = kind === "group" && inside.get(id);
      const found = frame ? drawing.frames : kind === "group" ? drawing.closed : drawing.boxes;
      found.set(id, [Math.min(x, u), Math.min(y, v), Math.abs(u - x), Math.abs(v - y)]);
      if (frame) {
        const spare = across - frame.across - (turned ? TITLE + FRAME : 2 * FRAME);
        corners.set(id, [left + padC + spare / 2, start + padA]);
      }
      return [start, end];
    });
    drawing.ways.push(...waysOf(group, within, inside, corners, extents, c0, a0, point));
  }
  return drawing;
}

/**
 * A level's pieces of arrows: straight out of where they start, then a curve, then straight into where they end.
 * Those that go back are straight beside all that stands in their way, too.
 */
function waysOf(group, within, inside, corners, extents, c0, a0, point) {
  const { level } = within;
  const frameOf = ([kind, id]) => kind === "group" && inside.get(id);
  const isEnd = (node) => ["box", "group"].includes(level.nodes[node][0]) && !frameOf(level.nodes[node]);
  const across = (node, side, source) => {
    const frame = frameOf(level.nodes[node]);
    if (!frame) return c0 + within.c[node];
    return corners.get(level.nodes[node][1])[0] + frame.c[frame.ports.get(side + source)];
  };
  const pieces = level.links.concat(level.loose.map(([tail, head, source]) => [tail, head, source, 0]));
  const arriving = new Map();
  for (const [upper, lower, source] of pieces) {
    if (!isEnd(lower)) continue;
    if (!arriving.has(lower)) arriving.set(lower, new Map());
    arriving.get(lower).set(across(upper, "out", source), 0); // those from one place arrive at one place
  }
  for (const [lower, landing] of arriving) {
    const step = Math.min(SPREAD, (0.6 * within.spans[lower][0]) / landing.size);
    const sorted = [...landing.keys()].sort((a, b) => a - b);
    sorted.forEach((from, number) => landing.set(from, (number - (sorted.length - 1) / 2) * step));
  }
  return pieces.map(([upper, lower, source, weight], number) => {
    const c = across(upper, "out", source);
    const d = across(lower, "in", source) + (arriving.get(lower)?.get(c) ?? 0);
    const [first, last] = [extents[upper], extents[lower]];
    const [upperKind, lowerKind] = [level.nodes[upper][0], level.nodes[lower][0]];
    const start = upperKind === "via" || upperKind === "in" ? first[0] : first[1];
    const lane = !weight && within.row[lower] <= within.row[upper] ? within.aside.get(source) : undefined;
    const straight = weight || lane !== undefined;
    const out = straight ? within.ends[within.row[upper]] + a0 : first[1];
    const into = straight ? within.starts[within.row[lower]] + a0 : last[0];
    return {
      key: `${group} ${number}`, source, loose: !weight,
      aside: lane === undefined ? null : [point(c0 + lane, out), point(c0 + lane, into)],
      points: [point(c, start), point(c, out), point(d, into), point(d, lowerKind === "out" ? last[1] : last[0])],
      tail: isEnd(upper) ? level.nodes[upper][1] : null,
      head: isEnd(lower) ? level.nodes[lower][1] : null,
    };
  });
}
