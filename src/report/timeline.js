/* The timeline of a page, drawn on a canvas: zoom, pan, folding, details. Data: timeline_data.h. */
(function () {
  "use strict";
  var holder = document.querySelector(".timeline");
  if (!holder) return;
  var data = JSON.parse(holder.querySelector("script[type='application/json']").textContent);
  var labels = 190 /* px of the column of names */, LANE = 14, GAP = 8, SPAN = 15, SPANS_MAX = 3, INDENT = 11, VIEW_MAX = 620, AXIS = 24, OVERVIEW = 18;
  var MEMORY = 54, MEMORY_TOP = 16, WAKES_SHOWN = 400, CLICK = 4, ZOOM_IN_MOST = 20, FOLD_FROM = 100;
  var wall = Math.max(data.wall, 1), tracks = data.tracks, view = { from: 0, to: wall };
  var showsWakes = true, onlyPath = false, hovered = null, drag = null, wanted = false;

  function make(name, attributes, parent, text) {
    var element = document.createElement(name);
    for (var key in attributes) element.setAttribute(key, attributes[key]);
    if (text !== undefined) element.textContent = text;
    if (parent) parent.appendChild(element);
    return element;
  }

  /* --- data --- */

  function unpack() {
    var i, at;
    tracks.forEach(function (track, index) {
      var packed = track.intervals, last = 0;
      track.index = index;
      track.label = data.strings[track.name];
      track.start = []; track.end = []; track.doing = []; track.what = [];
      for (i = 0; i < packed.length; i += 4) {
        last += packed[i];
        track.start.push(last);
        last += packed[i + 1];
        track.end.push(last);
        track.doing.push(packed[i + 2]);
        track.what.push(packed[i + 3]);
      }
      packed = track.spans;
      track.span = [];
      track.spanRows = 0;
      for (i = 0, at = 0; i < packed.length; i += 4) {
        at += packed[i];
        if (packed[i + 3] >= SPANS_MAX) continue;
        track.span.push({ start: at, end: at + packed[i + 1], name: data.strings[packed[i + 2]], depth: packed[i + 3] });
        track.spanRows = Math.max(track.spanRows, packed[i + 3] + 1);
      }
      track.children = 0;
      track.onPath = 0;
      track.folded = false;
      for (at = track.parent; at >= 0; at = tracks[at].parent) tracks[at].children++;
    });
    data.path = [];
    for (i = 0, at = 0; i < data.steps.length; i += 4) {
      at += data.steps[i];
      var step = { start: at, end: at + data.steps[i + 1], track: data.steps[i + 2] - 1, doing: data.steps[i + 3] };
      at = step.end;
      data.path.push(step);
      if (step.track >= 0) tracks[step.track].onPath += step.end - step.start;
    }
    data.wake = [];
    for (i = 0, at = 0; i < data.wakes.length; i += 4) {
      at += data.wakes[i];
      data.wake.push({ to: at, from: at - data.wakes[i + 1], waker: data.wakes[i + 2], woken: data.wakes[i + 3] });
    }
    data.live = [];
    data.most = data.peak ? data.peak[1] : 0;
    for (i = 0, at = 0; i < data.memory.length; i += 2) {
      at += data.memory[i];
      data.live.push({ at: at, amount: data.memory[i + 1] });
      data.most = Math.max(data.most, data.memory[i + 1]);
    }
  }

  function digits(value) {
    return value >= 100 ? value.toFixed(0) : value >= 10 ? String(+value.toFixed(1)) : String(+value.toFixed(2));
  }
  function duration(units) {
    var ns = units * data.scale;
    if (ns >= 3600e9) return Math.floor(ns / 3600e9) + " h " + Math.floor(ns % 3600e9 / 60e9) + " min";
    if (ns >= 60e9) return Math.floor(ns / 60e9) + " min " + Math.floor(ns % 60e9 / 1e9) + " s";
    if (ns >= 1e9) return digits(ns / 1e9) + " s";
    if (ns >= 1e6) return digits(ns / 1e6) + " ms";
    return ns >= 1e3 ? digits(ns / 1e3) + " us" : Math.round(ns) + " ns";
  }
  function bytes(amount) {
    var count = amount * data.memory_scale, units = ["B", "kB", "MB", "GB", "TB"], at = 0;
    while (count >= 1000 && at < 4) { count /= 1000; at++; }
    return digits(count) + " " + units[at];
  }
  /* A moment, with as many digits as neighbours need to differ. */
  function moment(units, step) {
    var ns = units * data.scale, whole = Math.max(view.to * data.scale, 1), parts = [[3600e9, "h"], [60e9, "min"], [1e9, "s"], [1e6, "ms"], [1e3, "us"], [1, "ns"]];
    var part = parts.filter(function (p) { return whole >= p[0] * (p[0] > 1e9 ? 5 : 1); })[0] || parts[5];
    var places = Math.max(0, Math.min(9, Math.ceil(-Math.log10(step * data.scale / part[0]) - 1e-9)));
    return (ns / part[0]).toFixed(places) + " " + part[1];
  }
  function tickStep(length, room) {
    var least = length / Math.max(room / 110, 1), unit = 1;
    [60e9, 3600e9].forEach(function (ns) { if (view.to * data.scale >= 5 * ns) unit = ns / data.scale; });
    var step = unit * Math.pow(10, Math.floor(Math.log10(least / unit)));
    return step >= least ? step : step * 2 >= least ? step * 2 : step * 5 >= least ? step * 5 : step * 10;
  }

  /* --- rows --- */

  var rows = [], rowOf = [], total = 0;
  /* A track shown, or else the next one out of it that is. */
  function layOut() {
    var y = 6;
    rows = [];
    rowOf = [];
    tracks.forEach(function (track, index) {
      var up = track.parent, hidden = false;
      for (; up >= 0; up = tracks[up].parent) hidden = hidden || tracks[up].folded;
      if (onlyPath && !track.onPath && !hasPath(index)) hidden = true;
      if (hidden) {
        up = track.parent;
        while (up >= 0 && !(up in rowOf)) up = tracks[up].parent;
        rowOf[index] = up >= 0 ? rowOf[up] : -1;
        return;
      }
      var row = { track: track, top: y, lane: y + track.spanRows * SPAN, inner: [] };
      rowOf[index] = rows.length;
      rows.push(row);
      y = row.lane + LANE + GAP;
    });
    tracks.forEach(function (track, index) {
      var row = rows[rowOf[index]];
      if (row && row.track !== track && row.track.folded) row.inner.push(track);
    });
    total = y + 4;
  }
  function hasPath(index) {
    for (var i = index + 1; i < tracks.length && tracks[i].depth > tracks[index].depth; i++) if (tracks[i].onPath) return true;
    return false;
  }

  /* --- the page's part --- */

  unpack();
  var still = holder.querySelector(".tl-still");
  if (still) still.parentNode.removeChild(still);
  var bar = make("div", { "class": "tl-bar" }, holder);
  function button(text, name, act) {
    var element = make("button", { type: "button", "class": name }, bar, text);
    element.addEventListener("click", act);
    return element;
  }
  var reset = button("Reset zoom", "tl-reset", function () { look(0, wall); });
  var canFold = tracks.some(function (track) { return track.children > 0; });
  var foldAll = canFold ? button("Fold all", "tl-fold", function () {
    var fold = !tracks.some(function (track) { return track.folded; });
    tracks.forEach(function (track) { track.folded = fold && track.children > 0; });
    resize();
  }) : null;
  var pathButton = button("Critical path only", "tl-only", function () {
    onlyPath = !onlyPath;
    pathButton.setAttribute("aria-pressed", String(onlyPath));
    resize();
  });
  var wakeButton = data.wake.length ? button("Wake-ups", "tl-wakes", function () {
    showsWakes = !showsWakes;
    wakeButton.setAttribute("aria-pressed", String(showsWakes));
    draw();
  }) : null;
  if (wakeButton) wakeButton.setAttribute("aria-pressed", "true");
  pathButton.setAttribute("aria-pressed", "false");
  make("span", { "class": "tl-hint" }, bar, "Drag or Ctrl + wheel to zoom, Shift + drag to pan; keys + \u2212 \u2190 \u2192 0");
  var head = make("canvas", { "class": "tl-head" }, holder);
  var memory = data.live.length ? make("canvas", { "class": "tl-memory", role: "img", "aria-label": "memory allocated, over time" }, holder) : null;
  var box = make("div", { "class": "tl-box", tabindex: "0", role: "application", "aria-label": "timeline: plus and minus zoom, arrows pan, 0 resets" }, holder);
  var canvas = make("canvas", { "class": "tl-canvas" }, box);
  var filler = make("div", {}, box);
  var tip = make("div", { "class": "tl-tip", role: "status" }, holder);
  tip.hidden = true;

  /* --- colours --- */

  var colour = {};
  function readColours() {
    var probe = make("i", { style: "position:absolute;visibility:hidden" }, holder), style = getComputedStyle(document.documentElement);
    colour.doing = data.doings.map(function (doing) {
      probe.className = doing[0];
      return getComputedStyle(probe).backgroundColor;
    });
    ["ink", "soft", "faint", "line", "wash", "card", "halo", "accent", "paper", "heap"].forEach(function (name) {
      colour[name] = style.getPropertyValue("--" + name).trim();
    });
    holder.removeChild(probe);
    colour.font = getComputedStyle(holder).fontFamily;
  }

  /* --- drawing --- */

  var room = 0, height = 0;
  function x(units) {
    return labels + (units - view.from) / (view.to - view.from) * room;
  }
  function units(px) {
    return view.from + (px - labels) / room * (view.to - view.from);
  }

  function size(element, width, tall) {
    var ratio = window.devicePixelRatio || 1;
    element.style.height = tall + "px";
    if (element.width !== Math.round(width * ratio) || element.height !== Math.round(tall * ratio)) {
      element.width = Math.round(width * ratio);
      element.height = Math.round(tall * ratio);
    }
    var pen = element.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, tall);
    return pen;
  }

  /* The first index whose end lies behind `at`. */
  function firstBehind(ends, at) {
    var low = 0, high = ends.length;
    while (low < high) {
      var middle = low + high >> 1;
      if (ends[middle] > at) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  function drawIntervals(pen, track, y, tall, onlyCpu) {
    for (var i = firstBehind(track.end, view.from); i < track.start.length && track.start[i] < view.to; i++) {
      if (onlyCpu && track.doing[i] !== 0) continue;
      var left = Math.max(x(track.start[i]), labels), right = Math.min(x(track.end[i]), labels + room);
      pen.fillStyle = colour.doing[track.doing[i]];
      pen.fillRect(left, y, Math.max(right - left, 0.7), tall);
    }
  }

  function clip(pen, text, width) {
    if (width < 22) return "";
    var wide = pen.measureText(text).width, letters = Math.floor(text.length * width / wide) - 2;
    if (wide <= width) return text;
    return letters < 3 ? "" : text.slice(0, letters) + "\u2026";
  }

  function drawSpans(pen, row, y) {
    var track = row.track;
    pen.font = "11px " + colour.font;
    track.span.forEach(function (span) {
      if (span.end <= view.from || span.start >= view.to) return;
      var left = Math.max(x(span.start), labels), right = Math.min(x(span.end), labels + room), width = right - left;
      if (width < 0.5) return;
      var top = y + span.depth * SPAN;
      pen.fillStyle = colour.wash;
      pen.fillRect(left, top, Math.max(width - 1, 0.7), SPAN - 2);
      var text = clip(pen, span.name, width - 8);
      if (!text) return;
      pen.fillStyle = colour.soft;
      pen.fillText(text, left + 4, top + 10);
    });
  }

  function drawLabel(pen, row, y) {
    var track = row.track, left = 12 + Math.min(track.depth, 6) * INDENT, middle = y + LANE / 2;
    if (track.children) {
      pen.fillStyle = colour.faint;
      pen.beginPath();
      if (track.folded) {
        pen.moveTo(left - 9, middle - 4); pen.lineTo(left - 3, middle); pen.lineTo(left - 9, middle + 4);
      } else {
        pen.moveTo(left - 10, middle - 3); pen.lineTo(left - 2, middle - 3); pen.lineTo(left - 6, middle + 3);
      }
      pen.fill();
    }
    var note = track.folded ? "+" + track.children : track.tid && labels > 150 ? String(track.tid) : "";
    pen.font = "11px " + colour.font;
    var beside = note ? pen.measureText(note).width + 6 : 0;
    pen.font = "600 12.5px " + colour.font;
    pen.fillStyle = colour.ink;
    var name = clip(pen, track.label, labels - left - beside - 6);
    pen.fillText(name, left, middle + 4);
    var end = left + pen.measureText(name).width + 6;
    pen.font = "11px " + colour.font;
    pen.fillStyle = colour.faint;
    pen.fillText(note, end, middle + 4);
  }

  function drawRow(pen, row, offset) {
    var track = row.track, y = row.lane - offset;
    var left = Math.max(x(track.from), labels), right = Math.min(x(track.to), labels + room);
    pen.save();
    pen.beginPath();
    pen.rect(labels, 0, room, height);
    pen.clip();
    pen.fillStyle = colour.wash;
    if (right > left) pen.fillRect(left, y, right - left, LANE);
    drawIntervals(pen, track, y, row.inner.length ? LANE / 2 : LANE, false);
    row.inner.forEach(function (inner) {
      pen.globalAlpha = 0.75;
      drawIntervals(pen, inner, y + LANE / 2, LANE / 2, true);
      pen.globalAlpha = 1;
    });
    drawSpans(pen, row, row.top - offset);
    pen.restore();
    drawLabel(pen, row, y);
  }

  function arrow(pen, px, py, direction, reach) {
    pen.beginPath();
    pen.moveTo(px, py);
    pen.lineTo(px - reach * 0.6, py - direction * reach);
    pen.lineTo(px + reach * 0.6, py - direction * reach);
    pen.fill();
  }

  function pathY(row, offset) {
    return row.lane - offset + LANE + 3;
  }

  function drawPath(pen, offset) {
    var last = null, lines = [], links = [];
    data.path.forEach(function (step) {
      var row = step.track >= 0 ? rows[rowOf[step.track]] : null;
      if (!row) { last = null; return; }
      if (last && last.row !== row && step.start >= view.from && step.start <= view.to) links.push([x(step.start), last.row, row]);
      if (step.end > view.from && step.start < view.to) {
        if (last && last.row === row && lines.length && lines[lines.length - 1].row === row) lines[lines.length - 1].to = step.end;
        else lines.push({ row: row, from: step.start, to: step.end });
      }
      last = { row: row };
    });
    [[6, colour.halo, 0.85], [3, colour.ink, 1]].forEach(function (stroke) {
      pen.lineWidth = stroke[0];
      pen.strokeStyle = stroke[1];
      pen.globalAlpha = stroke[2];
      pen.beginPath();
      lines.forEach(function (line) {
        var y = pathY(line.row, offset);
        pen.moveTo(Math.max(x(line.from), labels), y);
        pen.lineTo(Math.min(Math.max(x(line.to), x(line.from) + 0.7), labels + room), y);
      });
      pen.stroke();
    });
    pen.lineWidth = links.length > 300 ? 0.7 : 1.5;
    pen.globalAlpha = links.length > 300 ? 0.5 : 0.85;
    pen.fillStyle = pen.strokeStyle = colour.ink;
    links.forEach(function (link, i) {
      var from = pathY(link[1], offset), to = pathY(link[2], offset), direction = to > from ? 1 : -1;
      pen.beginPath();
      pen.moveTo(link[0], from);
      pen.lineTo(link[0], to);
      pen.stroke();
      var next = links[i + 1], before = links[i - 1];
      if ((!next || next[0] - link[0] > 7) && (!before || link[0] - before[0] > 7)) arrow(pen, link[0], to - direction * 1.5, direction, 6);
    });
    pen.globalAlpha = 1;
  }

  function wakesInView() {
    return data.wake.filter(function (wake) {
      return wake.to >= view.from && wake.from <= view.to && rowOf[wake.waker] !== rowOf[wake.woken] && rowOf[wake.waker] >= 0 && rowOf[wake.woken] >= 0;
    });
  }

  function drawWakes(pen, offset) {
    var wakes = showsWakes ? wakesInView() : [];
    if (wakeButton) wakeButton.title = wakes.length > WAKES_SHOWN ? "too many to draw: zoom in" : "who ended whose wait";
    if (wakes.length > WAKES_SHOWN) return;
    pen.strokeStyle = pen.fillStyle = colour.accent;
    pen.lineWidth = 1;
    pen.globalAlpha = wakes.length > 80 ? 0.45 : 0.8;
    wakes.forEach(function (wake) {
      var from = rows[rowOf[wake.waker]].lane - offset + LANE / 2, to = rows[rowOf[wake.woken]].lane - offset + LANE / 2;
      var direction = to > from ? 1 : -1, end = to - direction * (LANE / 2), left = x(wake.from), right = x(wake.to);
      pen.beginPath();
      pen.moveTo(left, from);
      pen.bezierCurveTo(left, (from + end) / 2, right, (from + end) / 2, right, end);
      pen.stroke();
      arrow(pen, right, end, direction, 5);
    });
    pen.globalAlpha = 1;
  }

  function drawTicks(pen, top, tall, hasText) {
    var step = tickStep(view.to - view.from, room);
    pen.font = "11.5px " + colour.font;
    for (var at = Math.ceil(view.from / step) * step; at <= view.to; at += step) {
      var px = x(at);
      pen.fillStyle = colour.line;
      pen.fillRect(px, top, 1, tall);
      if (!hasText) continue;
      var text = at === 0 ? "0" : moment(at, step), width = pen.measureText(text).width;
      pen.fillStyle = colour.faint;
      pen.fillText(text, Math.min(Math.max(px - width / 2, labels), labels + room - width), OVERVIEW + 18);
    }
  }

  /* What the critical path did over the whole run, and which part of it is shown. */
  function drawHead() {
    var pen = size(head, labels + room, OVERVIEW + AXIS), scale = room / wall;
    data.path.forEach(function (step) {
      pen.fillStyle = colour.doing[step.doing];
      pen.fillRect(labels + step.start * scale, 2, Math.max((step.end - step.start) * scale, 0.5), OVERVIEW - 6);
    });
    pen.font = "11.5px " + colour.font;
    pen.fillStyle = colour.faint;
    pen.fillText(labels > 150 ? "critical path, whole run" : "critical path", 12, 12);
    var left = labels + view.from * scale, right = labels + view.to * scale;
    if (view.from > 0 || view.to < wall) {
      pen.fillStyle = colour.paper;
      pen.globalAlpha = 0.7;
      pen.fillRect(labels, 0, left - labels, OVERVIEW);
      pen.fillRect(right, 0, labels + room - right, OVERVIEW);
      pen.globalAlpha = 1;
      pen.strokeStyle = colour.ink;
      pen.lineWidth = 1.5;
      pen.strokeRect(left, 1, Math.max(right - left, 2), OVERVIEW - 3);
    }
    drawTicks(pen, OVERVIEW + 20, 4, true);
  }

  function liveAt(time) {
    var i = firstBehind(data.live.map(function (point) { return point.at; }), time);
    return i ? data.live[i - 1].amount : 0;
  }

  /* What all programs had allocated, at the same times as the lanes below. */
  function drawMemory() {
    if (!memory) return;
    var pen = size(memory, labels + room, MEMORY), floor = MEMORY - 2, scale = (floor - MEMORY_TOP) / Math.max(data.most, 1);
    drawTicks(pen, 0, MEMORY, false);
    pen.font = "600 12.5px " + colour.font;
    pen.fillStyle = colour.ink;
    pen.fillText("Memory", 12, MEMORY_TOP + 14);
    pen.font = "11px " + colour.font;
    pen.fillStyle = colour.faint;
    pen.fillText((labels > 150 ? "allocated, " : "") + bytes(data.most) + " at most", 12, MEMORY_TOP + 29);
    pen.save();
    pen.beginPath();
    pen.rect(labels, 0, room, MEMORY);
    pen.clip();
    pen.beginPath();
    pen.moveTo(labels, floor);
    var height = floor - liveAt(view.from) * scale;
    pen.lineTo(labels, height);
    data.live.forEach(function (point) {
      if (point.at <= view.from || point.at > view.to) return;
      pen.lineTo(x(point.at), height);
      height = floor - point.amount * scale;
      pen.lineTo(x(point.at), height);
    });
    pen.lineTo(labels + room, height);
    pen.lineTo(labels + room, floor);
    pen.fillStyle = pen.strokeStyle = colour.heap;
    pen.globalAlpha = 0.35;
    pen.fill();
    pen.globalAlpha = 1;
    pen.lineWidth = 1.5;
    pen.stroke();
    if (data.peak && data.peak[0] >= view.from && data.peak[0] <= view.to) drawPeak(pen, x(data.peak[0]), floor - data.peak[1] * scale, floor);
    pen.restore();
  }

  function drawPeak(pen, left, top, floor) {
    var text = "peak " + bytes(data.peak[1]), width = pen.measureText(text).width;
    pen.fillRect(left - 0.5, top, 1, floor - top);
    pen.beginPath();
    pen.arc(left, top, 3.5, 0, 7);
    pen.fill();
    pen.fillStyle = colour.ink;
    pen.fillText(text, Math.min(Math.max(left - width / 2, labels + 2), labels + room - width - 2), 11);
  }

  function draw() {
    var offset = box.scrollTop, pen = size(canvas, labels + room, height);
    drawTicks(pen, 0, height, false);
    rows.forEach(function (row) {
      if (row.lane + LANE + GAP >= offset && row.top <= offset + height) drawRow(pen, row, offset);
    });
    pen.save();
    pen.beginPath();
    pen.rect(labels, 0, room, height);
    pen.clip();
    drawWakes(pen, offset);
    drawPath(pen, offset);
    if (drag && drag.isRange) {
      var left = Math.min(drag.x, drag.now), right = Math.max(drag.x, drag.now);
      pen.fillStyle = colour.accent;
      pen.globalAlpha = 0.16;
      pen.fillRect(left, 0, right - left, height);
      pen.globalAlpha = 1;
      pen.fillStyle = colour.ink;
      pen.font = "12px " + colour.font;
      pen.fillText(duration(units(right) - units(left)), left + 6, 16);
    }
    pen.restore();
    drawHead();
    drawMemory();
    reset.disabled = view.from === 0 && view.to === wall;
    if (foldAll) foldAll.textContent = tracks.some(function (track) { return track.folded; }) ? "Unfold all" : "Fold all";
    holder.setAttribute("data-view", Math.round(view.from) + " " + Math.round(view.to));
    holder.setAttribute("data-rows", rows.length);
  }
  function later() {
    if (wanted) return;
    wanted = true;
    requestAnimationFrame(function () { wanted = false; draw(); });
  }

  function resize() {
    layOut();
    labels = box.clientWidth < 560 ? 112 : 190;
    room = Math.max(box.clientWidth - labels, 100);
    height = Math.min(total, VIEW_MAX);
    box.style.height = height + "px";
    filler.style.height = Math.max(total - height, 0) + "px";
    head.style.width = canvas.style.width = labels + room + "px";
    if (memory) memory.style.width = labels + room + "px";
    draw();
  }

  /* --- looking around --- */

  function look(from, to) {
    var length = Math.min(Math.max(to - from, Math.min(ZOOM_IN_MOST, wall)), wall);
    from = Math.min(Math.max(from, 0), wall - length);
    view = { from: from, to: from + length };
    tip.hidden = true;
    later();
  }
  function zoom(factor, around) {
    look(around - (around - view.from) * factor, around + (view.to - around) * factor);
  }
  function pan(part) {
    var by = (view.to - view.from) * part;
    look(view.from + by, view.to + by);
  }

  function place(event) {
    var frame = canvas.getBoundingClientRect();
    return { x: event.clientX - frame.left, y: event.clientY - frame.top + box.scrollTop };
  }
  function rowAt(y) {
    return rows.filter(function (row) { return y >= row.top && y < row.lane + LANE + GAP / 2; })[0];
  }

  box.addEventListener("wheel", function (event) {
    if (event.ctrlKey || event.metaKey) {
      zoom(Math.pow(1.0022, event.deltaY), Math.max(units(place(event).x), view.from));
      event.preventDefault();
    } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      pan((event.deltaX || event.deltaY) / room);
      event.preventDefault();
    }
  }, { passive: false });
  box.addEventListener("scroll", later);
  box.addEventListener("mousedown", function (event) {
    var at = place(event);
    if (event.button > 1) return;
    drag = { x: at.x, y: at.y, now: at.x, from: view.from, to: view.to, isPan: event.shiftKey || event.button === 1, isRange: false };
  });
  window.addEventListener("mousemove", function (event) {
    if (!drag) return;
    var at = place(event);
    drag.now = Math.min(Math.max(at.x, labels), labels + room);
    if (drag.isPan) {
      var by = (drag.x - at.x) / room * (drag.to - drag.from);
      look(drag.from + by, drag.to + by);
    } else if (drag.x >= labels && Math.abs(at.x - drag.x) > CLICK) {
      drag.isRange = true;
      tip.hidden = true;
      later();
    }
  });
  window.addEventListener("mouseup", function () {
    var done = drag, row;
    drag = null;
    if (!done) return;
    if (done.isRange && Math.abs(done.now - done.x) > CLICK) {
      look(units(Math.min(done.x, done.now)), units(Math.max(done.x, done.now)));
    } else if (!done.isPan && done.x < labels && (row = rowAt(done.y)) && row.track.children) {
      row.track.folded = !row.track.folded;
      resize();
    }
    later();
  });
  box.addEventListener("dblclick", function (event) {
    if (place(event).x >= labels) look(0, wall);
  });
  head.addEventListener("mousedown", function (event) {
    var at = (event.clientX - head.getBoundingClientRect().left - labels) / room * wall, half = (view.to - view.from) / 2;
    look(at - half, at + half);
  });
  box.addEventListener("keydown", function (event) {
    var middle = (view.from + view.to) / 2, key = event.key;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (key === "+" || key === "=" || key === "w") zoom(0.6, middle);
    else if (key === "-" || key === "s") zoom(1 / 0.6, middle);
    else if (key === "ArrowLeft" || key === "a") pan(-0.2);
    else if (key === "ArrowRight" || key === "d") pan(0.2);
    else if (key === "0" || key === "Escape" || key === "Home") look(0, wall);
    else return;
    event.preventDefault();
  });

  /* --- details --- */

  function describe(row, at) {
    var track = row.track, time = units(at.x), lines = [], depth = Math.floor((at.y - row.top) / SPAN);
    if (at.x < labels) {
      lines.push(track.label, "process " + track.pid + (track.tid ? ", thread " + track.tid : ""),
        duration(track.to - track.from) + " from " + duration(track.from) + " on");
      if (track.onPath) lines.push(duration(track.onPath) + " of it on the critical path");
      if (track.children) lines.push(track.folded ? "click to unfold " + track.children : "click to fold");
      return lines;
    }
    if (at.y < row.lane) {
      track.span.forEach(function (span) {
        if (span.depth === depth && span.start <= time && time <= span.end)
          lines = [span.name, duration(span.end - span.start) + " from " + duration(span.start) + " on"];
      });
      return lines;
    }
    var i = firstBehind(track.end, time);
    if (i >= track.start.length || track.start[i] > time) return lines;
    lines.push(data.doings[track.doing[i]][1] + (track.what[i] ? ": " + data.strings[track.what[i]] : ""));
    lines.push(duration(track.end[i] - track.start[i]) + " from " + duration(track.start[i]) + " on");
    var slack = 1.5, wake = data.wake.filter(function (w) {
      return w.woken === track.index && Math.abs(w.to - track.end[i]) <= slack;
    })[0];
    if (wake && track.doing[i] !== 0) lines.push("ended by " + tracks[wake.waker].label + " " + (tracks[wake.waker].tid || ""));
    return lines;
  }
  box.addEventListener("mousemove", function (event) {
    if (drag && (drag.isRange || drag.isPan)) return;
    var at = place(event), row = rowAt(at.y), lines = row ? describe(row, at) : [];
    canvas.style.cursor = at.x < labels ? row && row.track.children ? "pointer" : "default" : "crosshair";
    tell(event, lines);
  });
  box.addEventListener("mouseleave", function () { tip.hidden = true; });

  function tell(event, lines) {
    var frame = holder.getBoundingClientRect(), left = event.clientX - frame.left + 14;
    tip.hidden = !lines.length;
    if (!lines.length) return;
    tip.textContent = "";
    make("b", {}, tip, lines[0]);
    lines.slice(1).forEach(function (line) { make("div", {}, tip, line); });
    tip.style.left = Math.max(Math.min(left, frame.width - tip.offsetWidth - 4), 0) + "px";
    tip.style.top = event.clientY - frame.top + 16 + "px";
  }
  if (memory) {
    memory.addEventListener("mousemove", function (event) {
      var at = event.clientX - memory.getBoundingClientRect().left, time = units(at);
      tell(event, at < labels ? [] : [bytes(liveAt(time)) + " allocated", "after " + duration(time)]);
    });
    memory.addEventListener("mouseleave", function () { tip.hidden = true; });
  }

  function repaint() {
    readColours();
    later();
  }
  /* Of very many tracks those begin folded that the critical path never comes to. */
  tracks.forEach(function (track, index) {
    track.folded = tracks.length > FOLD_FROM && track.children > 0 && !track.onPath && !hasPath(index);
  });
  readColours();
  resize();
  window.addEventListener("resize", resize);
  new MutationObserver(repaint).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
})();
