/* The tokens as points and as text, linked both ways: what is pointed at in one is marked in the other. */
(function () {
  "use strict";
  var page = dwellReport, data = page.data, passage = document.getElementById("passage");
  var spans = passage ? Array.prototype.slice.call(passage.querySelectorAll(".tk")) : [];
  var CATEGORIES = 7, LEVELS = 32, chosen = -1, redraw = function () {}, at = 0;

  function nameOf(token) { return spans[token] ? "token " + token + ": " + spans[token].textContent.trim() : "particle " + token; }

  function clusterOf(l, token) { return data.labels ? page.identity(l, token) : -1; }

  function facts(token) {
    var rows = [], l = Math.max(0, page.state());
    if (data.labels) {
      var id = clusterOf(l, token), out = spans[token] && spans[token].classList.contains("out");
      rows.push({name: out ? "not measured" : id < 0 ? "in no cluster" : "cluster " + id, value: page.stateName(l)});
    }
    if (data.kinds && data.kinds[token]) rows.push({name: data.kind_names[+data.kinds[token]], value: ""});
    return rows;
  }

  function choose(token, x, y) {
    if (spans[chosen]) spans[chosen].classList.remove("on");
    chosen = token;
    if (spans[chosen]) spans[chosen].classList.add("on");
    if (chosen >= 0) page.showTip(x, y, nameOf(chosen), facts(chosen)); else page.hideTip();
    redraw();
  }

  /* ---- the text ---- */

  function tint(l) {
    for (var i = 0; i < spans.length; i++) {
      var id = clusterOf(l, i), known = spans[i].className.replace(/ k\d+/, "");
      spans[i].className = id < 0 ? known : known + " k" + data.tints[id];
    }
  }

  function visit(token) {
    token = Math.max(0, Math.min(spans.length - 1, token));
    spans.forEach(function (span, i) { span.tabIndex = i === token ? 0 : -1; });
    spans[token].setAttribute("aria-label", nameOf(token));
    return token;
  }

  function beside(span) {
    var box = span.getBoundingClientRect();
    choose(spans.indexOf(span), box.right, box.bottom + 24);
  }

  if (spans.length) {
    visit(0);
    if (data.labels) page.onState(tint);
    passage.addEventListener("pointerover", function (e) {
      var span = e.target.closest(".tk");
      if (span) beside(span);
    });
    passage.addEventListener("pointerleave", function () { choose(-1); });
    passage.addEventListener("focusin", function (e) { beside(e.target); });
    passage.addEventListener("focusout", function () { choose(-1); });
    passage.addEventListener("keydown", function (e) {
      var now = spans.indexOf(document.activeElement);
      var step = {ArrowLeft: -1, ArrowRight: 1, ArrowUp: -10, ArrowDown: 10, Home: -spans.length, End: spans.length}[e.key];
      if (e.key === "Escape") choose(-1);
      if (!step || now < 0) return;
      e.preventDefault();
      spans[visit(now + step)].focus();
    });
  }

  /* A token that is marked from outside is scrolled to within the panel only. */
  function bringIntoView(token) {
    var span = spans[token];
    if (!span) return;
    var box = span.getBoundingClientRect(), panel = passage.getBoundingClientRect();
    if (box.top < panel.top || box.bottom > panel.bottom) passage.scrollTop += box.top - panel.top - panel.height / 2;
  }

  /* ---- the points ---- */

  function cloud(info) {
    var canvas = document.getElementById("ball"), context = canvas.getContext("2d");
    var slider = document.getElementById("when"), play = document.getElementById("play");
    var clock = document.getElementById("clock"), trails = document.getElementById("trails");
    var by = document.getElementById("by"), fit = document.getElementById("fit");
    var points = page.unpack(info.int16), n = info.n, frames = info.states.length, view = info.view.slice();
    var playing = false, last = 0, free = info === data.cloud, solid = info.dims === 3 && !free, style = {};
    var place = new Float32Array(3 * n), order = Array.from({length: n}, function (_, i) { return i; });
    var paint = [], painted = "", reach = radii(), RADIUS = 262, SIDE = 560;

    /* The largest distance from the middle, frame by frame. */
    function radii() {
      return info.states.map(function (_, f) {
        var most = 0;
        for (var i = 3 * f * n; i < 3 * (f + 1) * n; i += 3) {
          most = Math.max(most, points[i] * points[i] + points[i + 1] * points[i + 1] + points[i + 2] * points[i + 2]);
        }
        return Math.sqrt(most) || 1;
      });
    }

    /* Position of token i at the fractional frame t: linear between frames, pulled back to a sphere. */
    function position(i, t, out) {
      var f = Math.min(frames - 1, Math.floor(t)), g = Math.min(frames - 1, f + 1), w = t - f;
      var a = 3 * (f * n + i), b = 3 * (g * n + i), length = 0;
      for (var k = 0; k < 3; k++) {
        out[k] = points[a + k] * (1 - w) + points[b + k] * w;
        length += out[k] * out[k];
      }
      if (free) return;
      length = Math.sqrt(length) || 1;
      for (k = 0; k < 3; k++) out[k] /= length;
    }

    function seen(p, out) {
      for (var r = 0; r < 3; r++) out[r] = view[3 * r] * p[0] + view[3 * r + 1] * p[1] + view[3 * r + 2] * p[2];
    }

    function zoom() {
      if (!fit || !fit.checked) return 1;
      var f = Math.floor(at), g = Math.min(frames - 1, f + 1), w = at - f;
      return 1 / (reach[f] * (1 - w) + reach[g] * w);
    }

    /* Places on the page's plane of all points: x to the right, y up, z toward the reader. */
    function settle() {
      var p = [0, 0, 0], q = [0, 0, 0], grow = zoom();
      for (var i = 0; i < n; i++) {
        position(i, at, p);
        seen(p, q);
        for (var k = 0; k < 3; k++) place[3 * i + k] = q[k] * grow;
      }
    }

    /* ---- colours ---- */

    function readStyle() {
      var css = getComputedStyle(document.documentElement);
      function get(name) { return css.getPropertyValue(name).trim(); }
      style = {faint: get("--faint"), rule: get("--rule"), card: get("--card"), ink: get("--ink"), soft: get("--soft"), c: [], m: []};
      for (var k = 0; k < CATEGORIES; k++) style.c.push(get("--c" + k));
      for (k = 0; k < LEVELS; k++) style.m.push(get("--m" + k));
    }

    function level(token) {
      var most = Math.max(1, info.tokens[n - 1]);
      return style.m[Math.round(7 + (LEVELS - 8) * token / most)];
    }

    function colour(i, l) {
      var token = info.tokens[i], id;
      if (by.value === "start") return "#" + ("00000" + info.colours[i].toString(16)).slice(-6);
      if (by.value === "position") return level(token);
      if (by.value === "class") return style.c[+data.kinds[token] % CATEGORIES];
      id = clusterOf(l, token);
      return id < 0 ? "" : style.c[data.tints[id]];
    }

    function repaint() {
      var l = info.states[Math.round(at)], key = by.value + (by.value === "cluster" ? l : "") + style.card;
      if (key === painted) return;
      painted = key;
      for (var i = 0; i < n; i++) paint[i] = colour(i, l);
      legend(l);
    }

    function chip(colour, text) {
      var i = document.createElement("i"), span = document.createElement("span");
      i.style.background = colour || style.soft;
      if (!colour) i.className = "loose";
      span.appendChild(i);
      span.appendChild(document.createTextNode(text));
      return span;
    }

    function legend(l) {
      var box = document.getElementById("legend"), counts = {}, ids;
      box.textContent = "";
      info.tokens.forEach(function (token) {
        var id = by.value === "class" ? +data.kinds[token] : clusterOf(l, token);
        counts[id] = (counts[id] || 0) + 1;
      });
      ids = Object.keys(counts).map(Number).sort(function (a, b) { return (a < 0) - (b < 0) || a - b; });
      if (by.value === "position") {
        box.appendChild(chip(level(info.tokens[0]), "first token"));
        box.appendChild(chip(level(info.tokens[n - 1]), "last token"));
      }
      if (by.value === "class" || by.value === "cluster") ids.forEach(function (id) {
        var name = by.value === "class" ? data.kind_names[id] : id < 0 ? "in no cluster" : "cluster " + id;
        box.appendChild(chip(id < 0 ? "" : style.c[by.value === "class" ? id % CATEGORIES : data.tints[id]], name + " (" + counts[id] + ")"));
      });
      if (by.value === "start") box.textContent = "Colours are directions at the first state.";
    }

    /* ---- drawing ---- */

    function curve(make, steps, radius) {
      var p = [0, 0, 0], q = [0, 0, 0], drawing = false;
      context.beginPath();
      for (var i = 0; i <= steps; i++) {
        make(2 * Math.PI * i / steps, p);
        seen(p, q);
        if (q[2] < -0.02) { drawing = false; continue; }
        if (drawing) context.lineTo(radius * q[0], -radius * q[1]); else context.moveTo(radius * q[0], -radius * q[1]);
        drawing = true;
      }
      context.stroke();
    }

    function globe(radius) {
      context.beginPath();
      context.arc(0, 0, radius, 0, 2 * Math.PI);
      if (solid) {
        context.fillStyle = style.faint;
        context.fill();
      }
      context.lineWidth = 1;
      context.strokeStyle = style.rule;
      context.stroke();
      if (!solid) return;
      [-1, 0, 1].forEach(function (k) {
        var h = Math.sin(k * Math.PI / 4), w = Math.cos(k * Math.PI / 4);
        curve(function (a, p) { p[0] = w * Math.cos(a); p[1] = w * Math.sin(a); p[2] = h; }, 90, radius);
      });
      [0, 1, 2, 3].forEach(function (k) {
        var c = Math.cos(k * Math.PI / 4), s = Math.sin(k * Math.PI / 4);
        curve(function (a, p) { p[0] = c * Math.cos(a); p[1] = s * Math.cos(a); p[2] = Math.sin(a); }, 90, radius);
      });
    }

    function axes(radius) {
      context.lineWidth = 1;
      context.strokeStyle = style.rule;
      for (var k = 0; k < 3; k++) {
        var x = radius * view[k], y = -radius * view[3 + k];
        context.beginPath();
        context.moveTo(-x, -y);
        context.lineTo(x, y);
        context.stroke();
      }
    }

    /* Over the points, else they could not be read; an axis toward the reader has no room for its name. */
    function axisNames(radius) {
      context.font = "13px system-ui, sans-serif";
      context.textAlign = "center";
      context.lineWidth = 4;
      context.strokeStyle = style.card;
      context.fillStyle = style.soft;
      for (var k = 0; k < 3; k++) {
        var x = radius * view[k], y = -radius * view[3 + k];
        if (x * x + y * y < 50 * 50) continue;
        x = Math.max(-250, Math.min(250, 1.03 * x));
        y = Math.max(-266, Math.min(272, 1.03 * y - 4));
        context.strokeText("axis " + (k + 1), x, y);
        context.fillText("axis " + (k + 1), x, y);
      }
    }

    /* The way a token came, fading into the past. On the circle the past is drawn inward. */
    function trail(i, radius, whole) {
      var p = [0, 0, 0], q = [0, 0, 0], back = whole ? at : Math.max(free ? 2 : 12, frames / 6), from = Math.max(0, at - back);
      var many = n > 400 && !whole, steps = many ? 5 : n > 128 && !whole ? 12 : 30, before = null, grow = zoom();
      context.strokeStyle = paint[i] || style.soft;
      context.lineWidth = 1.6;
      /* Of many tokens a line each: a stroke for every step would be slow. */
      if (many) context.globalAlpha = 0.3;
      if (many) context.beginPath();
      for (var k = 0; k <= steps; k++) {
        var t = from + (at - from) * k / steps;
        position(i, t, p);
        seen(p, q);
        var shrink = solid || free ? grow : 1 - 0.35 * (at - t) / Math.max(12, frames / 6);
        var now = [radius * q[0] * shrink, -radius * q[1] * shrink, q[2]];
        if (before && (!solid || now[2] > -0.02)) {
          if (!many) context.globalAlpha = whole ? 0.25 + 0.7 * k / steps : 0.55 * k / steps;
          if (!many) context.beginPath();
          context.moveTo(before[0], before[1]);
          context.lineTo(now[0], now[1]);
          if (!many) context.stroke();
        }
        before = now;
      }
      if (many) context.stroke();
      context.globalAlpha = 1;
    }

    /* Tokens on a sphere that coincide are one dot. */
    function groups() {
      var taken = new Uint8Array(n), list = [];
      for (var i = 0; i < n; i++) {
        if (taken[i]) continue;
        var count = 0;
        for (var j = i; j < n; j++) {
          var dot = place[3 * i] * place[3 * j] + place[3 * i + 1] * place[3 * j + 1] + place[3 * i + 2] * place[3 * j + 2];
          if (!taken[j] && (j === i || dot > 0.9995)) { taken[j] = 1; count++; }
        }
        list.push({i: i, count: count, x: place[3 * i], y: place[3 * i + 1], z: place[3 * i + 2]});
      }
      return list.sort(function (a, b) { return a.z - b.z; });
    }

    function dots(list, near, radius) {
      list.forEach(function (g) {
        if ((g.z >= 0) !== near && solid) return;
        var size = Math.min(26, (n > 200 ? 3.2 : 5.2) * Math.pow(g.count, 0.4)) * (solid ? 0.86 + 0.14 * g.z : 1);
        context.globalAlpha = near ? 1 : 0.25;
        context.beginPath();
        context.arc(radius * g.x, -radius * g.y, size, 0, 2 * Math.PI);
        context.fillStyle = paint[g.i] || style.soft;
        context.fill();
        context.lineWidth = 1.5;
        context.strokeStyle = style.card;
        if (near) context.stroke();
      });
      context.globalAlpha = 1;
    }

    /* Each token a dot, the farthest first; tokens in no cluster are hollow. */
    function specks(radius) {
      var size = n > 400 ? 3.4 : 4.6;
      order.sort(function (a, b) { return place[3 * a + 2] - place[3 * b + 2]; });
      for (var k = 0; k < n; k++) {
        var i = order[k], z = Math.max(-1, Math.min(1, place[3 * i + 2]));
        context.globalAlpha = 0.72 + 0.28 * z;
        context.beginPath();
        context.arc(radius * place[3 * i], -radius * place[3 * i + 1], (paint[i] ? size : 0.8 * size) * (1 + 0.2 * z), 0, 2 * Math.PI);
        context.fillStyle = paint[i] || style.card;
        context.fill();
        context.lineWidth = 1;
        context.strokeStyle = paint[i] ? style.card : style.soft;
        context.stroke();
      }
      context.globalAlpha = 1;
    }

    /* The chosen token: its way, a ring, and what it says. */
    function mark(radius) {
      var i = info.tokens.indexOf(chosen);
      canvas.dataset.marked = i < 0 ? "" : chosen;
      if (i < 0) return;
      trail(i, radius, true);
      var x = radius * place[3 * i], y = -radius * place[3 * i + 1], text = spans[chosen] ? spans[chosen].textContent.trim() : String(chosen);
      context.beginPath();
      context.arc(x, y, 9, 0, 2 * Math.PI);
      context.lineWidth = 2.5;
      context.strokeStyle = style.ink;
      context.stroke();
      context.font = "600 16px system-ui, sans-serif";
      context.textAlign = x > 150 ? "right" : "left";
      context.lineWidth = 4;
      context.strokeStyle = style.card;
      context.fillStyle = style.ink;
      context.strokeText(text, x + (x > 150 ? -14 : 14), y - 8);
      context.fillText(text, x + (x > 150 ? -14 : 14), y - 8);
    }

    function draw() {
      var ratio = window.devicePixelRatio || 1, side = Math.round(canvas.clientWidth * ratio) || SIDE, list;
      if (canvas.width !== side) canvas.width = canvas.height = side;
      if (!style.card) readStyle();
      repaint();
      settle();
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(0, 0, side, side);
      context.translate(side / 2, side / 2);
      context.scale(side / SIDE, side / SIDE);
      if (free) axes(RADIUS); else globe(RADIUS);
      if (!free) list = groups();
      if (solid) dots(list, false, RADIUS);
      if (trails.checked && at > 0) for (var i = 0; i < n; i++) trail(i, RADIUS, false);
      if (free) specks(RADIUS); else dots(list, true, RADIUS);
      if (free) axisNames(RADIUS);
      mark(RADIUS);
      canvas.dataset.frame = at.toFixed(2);
      canvas.dataset.groups = free ? n : list.length;
    }

    /* ---- time ---- */

    function percent(share) { return (100 * share).toFixed(share < 0.1 ? 1 : 0) + " %"; }

    function say(f) {
      var l = info.states[f], words = [], p = data.layers.columns.cluster_T_p, box = document.getElementById("facts");
      if (info.share) words.push("The axes carry " + [0, 1, 2].map(function (k) { return percent(info.share[3 * f + k]); }).join(", ")
        + " of this state’s spread.");
      if (free && p && data.labels) words.push(p[l] === null ? "No test of its clusters." : "Its clusters against chance: p\u00a0=\u00a0"
        + page.show(p[l]) + (p[l] <= 0.05 ? "." : ", so chance gives as much."));
      box.textContent = words.join(" ") || "Drag to turn; arrow keys too.";
    }

    function seek(t, quiet) {
      at = Math.max(0, Math.min(frames - 1, t));
      var f = Math.round(at);
      slider.value = f;
      clock.textContent = page.stateName(info.states[f]).replace(/^state \d+, /, "");
      slider.setAttribute("aria-valuetext", clock.textContent);
      say(f);
      if (!quiet) page.setState(info.states[f]);
      draw();
    }

    function tick(now) {
      if (!playing) return;
      var step = last ? (now - last) / 1000 * Math.max(free ? 2.5 : 4, frames / 9) : 0;
      last = now;
      seek(at + step);
      if (at >= frames - 1) stop(); else requestAnimationFrame(tick);
    }

    function stop() {
      playing = false;
      play.textContent = at >= frames - 1 ? "Replay" : "Play";
      play.setAttribute("aria-pressed", "false");
    }

    function toggle() {
      if (playing) { stop(); return; }
      if (at >= frames - 1) at = 0;
      playing = true;
      last = 0;
      play.textContent = "Pause";
      play.setAttribute("aria-pressed", "true");
      requestAnimationFrame(tick);
    }

    /* ---- turning and pointing ---- */

    /* Turns the view by angles about the page's vertical and horizontal axes. */
    function turn(a, b) {
      if (info.dims !== 3) return;
      var right = view.slice(0, 3), up = view.slice(3, 6), toward = view.slice(6, 9);
      function mix(p, q, angle) {
        for (var k = 0; k < 3; k++) {
          var x = p[k], z = q[k];
          p[k] = x * Math.cos(angle) + z * Math.sin(angle);
          q[k] = z * Math.cos(angle) - x * Math.sin(angle);
        }
      }
      mix(right, toward, a);
      mix(up, toward, b);
      view = right.concat(up, toward);
      draw();
    }

    /* The point nearest to the pointer, on the near side, within 12 pixels; of those that coincide the nearest to the reader. */
    function under(e) {
      var box = canvas.getBoundingClientRect(), unit = SIDE / box.width;
      var x = (e.clientX - box.left) * unit - SIDE / 2, y = SIDE / 2 - (e.clientY - box.top) * unit;
      var best = -1, least = 12 * unit * 12 * unit;
      for (var k = n - 1; k >= 0; k--) {
        var i = order[k], dx = RADIUS * place[3 * i] - x, dy = RADIUS * place[3 * i + 1] - y;
        if (dx * dx + dy * dy < least && (!solid || place[3 * i + 2] > -0.02)) { least = dx * dx + dy * dy; best = i; }
      }
      return best < 0 ? -1 : info.tokens[best];
    }

    var held = null;
    canvas.addEventListener("pointerdown", function (e) {
      held = [e.clientX, e.clientY];
      canvas.setPointerCapture(e.pointerId);
      canvas.classList.add("drag");
    });
    canvas.addEventListener("pointermove", function (e) {
      if (!held) {
        var token = under(e);
        if (token === chosen) return;
        choose(token, e.clientX, e.clientY);
        bringIntoView(token);
        return;
      }
      var unit = 2.1 / canvas.clientWidth;
      turn((e.clientX - held[0]) * unit, (held[1] - e.clientY) * unit);
      held = [e.clientX, e.clientY];
    });
    canvas.addEventListener("pointerleave", function () { choose(-1); });
    ["pointerup", "pointercancel"].forEach(function (name) {
      canvas.addEventListener(name, function () {
        held = null;
        canvas.classList.remove("drag");
      });
    });
    canvas.addEventListener("keydown", function (e) {
      var way = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1]}[e.key];
      if (e.key === " ") { e.preventDefault(); toggle(); }
      if (!way) return;
      e.preventDefault();
      turn(way[0] * 0.12, way[1] * 0.12);
    });
    play.addEventListener("click", toggle);
    slider.addEventListener("input", function () { stop(); seek(+slider.value); });
    [trails, by, fit].forEach(function (control) { if (control) control.addEventListener("change", draw); });
    document.querySelectorAll("svg[data-film]").forEach(function (svg) {
      svg.addEventListener("click", function () { stop(); seek(page.nearest(info.states, +svg.dataset.state)); });
    });
    page.onState(function (l) {
      if (!playing && info.states[Math.round(at)] !== l) seek(page.nearest(info.states, l), true);
    });
    window.addEventListener("resize", draw);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", function () { style = {}; draw(); });
    redraw = draw;
    seek(free ? frames - 1 : 0);
  }

  if (data.sphere || data.cloud) cloud(data.sphere || data.cloud);
})();
