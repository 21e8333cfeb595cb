/* The script of a report: read-outs, one state highlighted in every figure, the sphere. Nothing is fetched; the figures
 * are complete without it. */
(function () {
  "use strict";
  var data = JSON.parse(document.getElementById("dwell-data").textContent);
  var states = data.layers.steps;
  var SVG = "http://www.w3.org/2000/svg";

  /* ---- numbers ---- */

  function show(value) {
    if (value === null || value === undefined) return "–";
    var text = Math.abs(value) >= 1e-4 && Math.abs(value) < 1e6 || value === 0 ? String(+value.toPrecision(5))
                                                                                   : value.toExponential(3);
    return text.replace("-", "−");
  }

  function stateName(l) {
    return (data.axis.column === "state" ? "state " : "state " + l + ", t = ") + data.axis.labels[l];
  }

  function columnName(series) {
    return series.slice(series.indexOf(".") + 1).replace(":median", " (median)").replace("_null_mean", ", mean of chance");
  }

  function scaleOf(svg, axis) {
    var d = svg.dataset, name = axis === "x" ? "x" : "y";
    var kind = d[name + "Kind"], low = +d[name + "Low"], high = +d[name + "High"];
    var from = +d[name + "From"], to = +d[name + "To"];
    function inner(v) { return kind === "log" ? Math.log(v) : v; }
    var a = inner(low), b = inner(high);
    return {
      at: function (v) { return from + (to - from) * (inner(v) - a) / (b - a); },
      back: function (p) {
        var v = a + (b - a) * (p - from) / (to - from);
        return kind === "log" ? Math.exp(v) : v;
      },
      from: from, to: to
    };
  }

  function nearest(values, x) {
    var best = 0;
    for (var i = 1; i < values.length; i++) if (Math.abs(values[i] - x) < Math.abs(values[best] - x)) best = i;
    return best;
  }

  function make(parent, name, attributes) {
    var e = document.createElementNS(SVG, name);
    for (var key in attributes) e.setAttribute(key, attributes[key]);
    parent.appendChild(e);
    return e;
  }

  /* ---- read-out ---- */

  var tip = document.getElementById("tip");

  function hideTip() { tip.hidden = true; }

  function showTip(x, y, heading, rows) {
    tip.textContent = "";
    var strong = document.createElement("strong"), table = document.createElement("table");
    strong.textContent = heading;
    rows.forEach(function (row) {
      var tr = table.insertRow(), name = tr.insertCell(), value = tr.insertCell();
      if (row.colour) {
        var i = document.createElement("i");
        i.style.background = row.colour;
        name.appendChild(i);
      }
      name.appendChild(document.createTextNode(row.name));
      value.textContent = row.value;
    });
    tip.appendChild(strong);
    tip.appendChild(table);
    tip.hidden = false;
    var box = tip.getBoundingClientRect();
    var left = x + 16 + box.width > window.innerWidth - 8 ? x - 16 - box.width : x + 16;
    tip.style.left = Math.max(8, left) + "px";
    tip.style.top = Math.max(8, Math.min(y - box.height / 2, window.innerHeight - box.height - 8)) + "px";
  }

  /* ---- curves ---- */

  var listeners = [], current = -1;

  function setState(l) {
    l = Math.max(0, Math.min(states - 1, l));
    if (l === current) return;
    current = l;
    listeners.forEach(function (f) { f(l); });
  }

  function valuesOf(series) {
    if (series.endsWith(":median")) return data.medians[series.slice(0, -7)];
    var dot = series.indexOf("."), table = data[series.slice(0, dot)];
    if (table === data.push && table) return range(states, data.layers.first).map(function (l) {
      var row = table.state.indexOf(l);
      return row < 0 ? null : table[series.slice(dot + 1)][row];
    });
    return table && table.columns && table.columns[series.slice(dot + 1)];
  }

  function seriesOf(svg) {
    var seen = {}, list = [];
    svg.querySelectorAll("path[data-series]").forEach(function (path) {
      var name = path.dataset.series;
      if (seen[name] || path.classList.contains("faint") || !valuesOf(name)) return;
      seen[name] = true;
      list.push({name: name, values: valuesOf(name), blocks: name.startsWith("blocks."), path: path});
    });
    return list;
  }

  function plot(svg) {
    var x = scaleOf(svg, "x"), y = scaleOf(svg, "y"), series = seriesOf(svg);
    var cursor = make(svg, "line", {class: "cursor", y1: y.to, y2: y.from, visibility: "hidden"});
    var probes = series.map(function () { return make(svg, "circle", {class: "probe", r: 3.5, visibility: "hidden"}); });
    var blocks = series.length > 0 && series[0].blocks;
    var places = blocks ? data.blocks.at : data.layers.at;
    svg.setAttribute("tabindex", "0");

    function place(i) {
      series.forEach(function (s, k) {
        var v = i < s.values.length ? s.values[i] : null, at = v === null ? NaN : y.at(v);
        probes[k].setAttribute("visibility", isFinite(at) ? "visible" : "hidden");
        if (!isFinite(at)) return;
        probes[k].setAttribute("cx", x.at(places[i]));
        probes[k].setAttribute("cy", at);
        probes[k].style.stroke = getComputedStyle(s.path).stroke;
      });
    }

    function read(i, clientX, clientY) {
      var b = data.blocks.first + i;
      var heading = blocks ? "block " + b + ": state " + b + " → " + (b + 1) : stateName(i);
      var rows = series.map(function (s) {
        return {name: columnName(s.name), value: show(s.values[i]),
                colour: getComputedStyle(s.path).stroke};
      });
      if (!blocks && i === states - 1 && data.final_norm) series.forEach(function (s) {
        var name = s.name.slice(s.name.indexOf(".") + 1);
        rows.push({name: columnName(name) + " after the final norm", value: show(data.final_norm[name]),
                   colour: getComputedStyle(s.path).stroke});
      });
      showTip(clientX, clientY, heading, rows);
    }

    listeners.push(function (l) {
      var at = x.at(data.layers.at[l]);
      cursor.setAttribute("x1", at);
      cursor.setAttribute("x2", at);
      cursor.setAttribute("visibility", "visible");
      place(blocks ? Math.min(l, places.length - 1) : l);
    });

    svg.addEventListener("pointermove", function (e) {
      var box = svg.getBoundingClientRect(), inside = (e.clientX - box.left) * svg.viewBox.baseVal.width / box.width;
      var value = x.back(inside);
      setState(nearest(data.layers.at, value));
      if (series.length === 0) return;
      var i = nearest(places, value);
      place(i);
      read(i, e.clientX, e.clientY);
    });
    svg.addEventListener("pointerleave", hideTip);
    svg.addEventListener("blur", hideTip);
    svg.addEventListener("keydown", function (e) {
      var step = {ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -states, End: states}[e.key];
      if (e.key === "Escape") hideTip();
      if (!step) return;
      e.preventDefault();
      setState(Math.max(0, Math.min(states - 1, (current < 0 ? 0 : current) + step)));
      var i = blocks ? Math.min(current, places.length - 1) : current, box = svg.getBoundingClientRect();
      if (series.length) read(i, box.left + x.at(places[i]) * box.width / svg.viewBox.baseVal.width, box.top + box.height / 2);
    });
  }

  document.querySelectorAll("svg[data-plot='1']").forEach(plot);

  /* ---- ridgelines ---- */

  document.querySelectorAll("svg[data-ridge]").forEach(function (svg) {
    var rows = Array.prototype.slice.call(svg.querySelectorAll(".row"));
    var rowStates = rows.map(function (row) { return +row.dataset.state; });
    listeners.push(function (l) {
      var i = nearest(rowStates, l);
      rows.forEach(function (row, k) { row.classList.toggle("on", k === i); });
    });
    rows.forEach(function (row, k) {
      var mean = svg.querySelector("[data-series='arrays.hist']") ? "ip_mean" : "ip_mean_centred";
      row.addEventListener("pointermove", function (e) {
        var values = data.layers.columns[mean];
        setState(rowStates[k]);
        showTip(e.clientX, e.clientY, stateName(rowStates[k]), [{name: mean, value: show(values && values[rowStates[k]])}]);
      });
      row.addEventListener("pointerleave", hideTip);
    });
  });

  /* ---- maps of heads ---- */

  document.querySelectorAll("svg[data-heat]").forEach(function (svg) {
    var cells = svg.querySelector(".cells"), column = cells.dataset.series.split(".")[1], heads = data.heads, d = svg.dataset;
    if (!heads || !heads[column]) return;
    svg.addEventListener("pointermove", function (e) {
      var box = svg.getBoundingClientRect(), unit = svg.viewBox.baseVal.width / box.width;
      var block = +d.first + Math.floor(((e.clientX - box.left) * unit - d.left) / d.cellWidth);
      var head = Math.floor((d.bottom - (e.clientY - box.top) * unit) / d.cellHeight);
      for (var i = 0; i < heads.block.length; i++) {
        if (heads.block[i] !== block || heads.head[i] !== head) continue;
        showTip(e.clientX, e.clientY, "block " + block + ", head " + head, [{name: column, value: show(heads[column][i])}]);
        return;
      }
      hideTip();
    });
    svg.addEventListener("pointerleave", hideTip);
  });

  /* ---- numbers behind the figures ---- */

  function range(count, first) { return Array.from({length: count}, function (_, i) { return first + i; }); }

  /* Rows of layers.csv or blocks.csv: the drawn replicas one after the other, then the final norm. */
  function gridRows(name, columns) {
    var grid = data[name], step = name === "layers" ? "state" : "block", axis = data.axis.column;
    var names = [step].concat(name === "layers" && axis !== "state" ? [axis] : [], columns), many = data.replicas > 1;
    function value(column, r, i) {
      if (column === step) return grid.first + i;
      var values = grid.columns[column];
      return values ? values[r * grid.steps + i] : null;
    }
    var rows = [];
    for (var r = 0; r < data.drawn; r++) {
      for (var i = 0; i < grid.steps; i++) {
        rows.push((many ? [r] : []).concat(names.map(function (column) { return value(column, r, i); })));
      }
    }
    if (name === "layers" && data.final_norm && !many) rows.push(names.map(function (column) {
      return column === step ? "final_norm" : data.final_norm[column];
    }));
    return {header: (many ? ["replica"] : []).concat(names), rows: rows};
  }

  /* Rows of a table that is embedded column by column. */
  function tableRows(table, columns) {
    var have = columns.filter(function (column) { return table[column]; });
    return {header: have, rows: range(table[have[0]].length, 0).map(function (i) {
      return have.map(function (column) { return table[column][i]; });
    })};
  }

  function histogramRows(name) {
    var bins = data[name].length / states, rows = [];
    data[name].forEach(function (count, i) {
      var bin = i % bins;
      rows.push([data.layers.first + Math.floor(i / bins), (2 * bin - bins) / bins, (2 * bin + 2 - bins) / bins, count]);
    });
    return {header: ["state", "from", "to", "pairs"], rows: rows};
  }

  function labelRows() {
    var n = data.labels.length / states, rows = [];
    data.labels.forEach(function (label, i) { rows.push([data.layers.first + Math.floor(i / n), i % n, label]); });
    return {header: ["state", "token", "cluster"], rows: rows};
  }

  /* Coordinates as they are embedded: steps of 1/32767. */
  function sphereRows(angles) {
    var points = unpack(data.sphere.int16), rows = [], n = data.sphere.n;
    data.sphere.states.forEach(function (state, f) {
      for (var i = 0; i < n; i++) {
        var at = Array.prototype.slice.call(points, 3 * (f * n + i), 3 * (f * n + i) + 3);
        rows.push([state, i].concat((angles ? [Math.atan2(at[1], at[0])] : at).map(function (x) { return +x.toFixed(5); })));
      }
    });
    return {header: ["state", "token"].concat(angles ? ["angle"] : ["x", "y", "z"]), rows: rows};
  }

  dwellFigures.numbers = function (figure) {
    var parts = (figure.dataset.numbers || "").split(":"), columns = (parts[1] || "").split(",");
    switch (parts[0]) {
      case "layers": case "blocks": return gridRows(parts[0], columns);
      case "heads": return tableRows(data.heads, ["replica", "block", "head"].concat(columns));
      case "push": return tableRows(data.push, columns);
      case "tokens": return tableRows(data.tokens, columns);
      case "histogram": return histogramRows(columns[0]);
      case "labels": return labelRows();
      case "sphere": case "angles": return sphereRows(parts[0] === "angles");
      default: return null;
    }
  };

  /* ---- the sphere ---- */

  function unpack(text) {
    var bytes = atob(text), out = new Float32Array(bytes.length / 2);
    for (var i = 0; i < out.length; i++) {
      var bits = bytes.charCodeAt(2 * i) | bytes.charCodeAt(2 * i + 1) << 8;
      out[i] = (bits > 32767 ? bits - 65536 : bits) / 32767;
    }
    return out;
  }

  function sphere(info) {
    var canvas = document.getElementById("ball"), context = canvas.getContext("2d");
    var slider = document.getElementById("when"), play = document.getElementById("play");
    var clock = document.getElementById("clock"), trails = document.getElementById("trails");
    var points = unpack(info.int16), n = info.n, frames = info.states.length, view = info.view.slice();
    var colours = info.colours.map(function (c) { return "#" + ("00000" + c.toString(16)).slice(-6); });
    var at = 0, playing = false, last = 0, solid = info.dims === 3, style;

    /* Position of token i at the fractional frame t: linear between frames, pulled back to the sphere. */
    function position(i, t, out) {
      var f = Math.min(frames - 1, Math.floor(t)), g = Math.min(frames - 1, f + 1), w = t - f;
      var a = 3 * (f * n + i), b = 3 * (g * n + i), length = 0;
      for (var k = 0; k < 3; k++) {
        out[k] = points[a + k] * (1 - w) + points[b + k] * w;
        length += out[k] * out[k];
      }
      length = Math.sqrt(length) || 1;
      for (k = 0; k < 3; k++) out[k] /= length;
    }

    function seen(p, out) {
      for (var r = 0; r < 3; r++) out[r] = view[3 * r] * p[0] + view[3 * r + 1] * p[1] + view[3 * r + 2] * p[2];
    }

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

    /* The way a token came, fading into the past. On the circle the past is drawn inward. */
    function trail(i, radius) {
      var p = [0, 0, 0], q = [0, 0, 0], from = Math.max(0, at - Math.max(12, frames / 6)), steps = n > 128 ? 12 : 30;
      var before = null, whole = n > 400; /* of many tokens a line each: a stroke for every step would be slow */
      if (whole) steps = 5;
      context.strokeStyle = colours[i];
      context.lineWidth = 1.6;
      if (whole) context.globalAlpha = 0.3;
      if (whole) context.beginPath();
      for (var k = 0; k <= steps; k++) {
        var t = from + (at - from) * k / steps;
        position(i, t, p);
        seen(p, q);
        var shrink = solid ? 1 : 1 - 0.35 * (at - t) / Math.max(12, frames / 6);
        var now = [radius * q[0] * shrink, -radius * q[1] * shrink, q[2]];
        if (before && (!solid || now[2] > -0.02)) {
          if (!whole) context.globalAlpha = 0.55 * k / steps;
          if (!whole) context.beginPath();
          context.moveTo(before[0], before[1]);
          context.lineTo(now[0], now[1]);
          if (!whole) context.stroke();
        }
        before = now;
      }
      if (whole) context.stroke();
      context.globalAlpha = 1;
    }

    function groups() {
      var taken = new Uint8Array(n), list = [], place = new Float32Array(3 * n), p = [0, 0, 0], q = [0, 0, 0];
      for (var i = 0; i < n; i++) {
        position(i, at, p);
        place.set(p, 3 * i);
      }
      for (i = 0; i < n; i++) {
        if (taken[i]) continue;
        var count = 0;
        for (var j = i; j < n; j++) {
          var dot = place[3 * i] * place[3 * j] + place[3 * i + 1] * place[3 * j + 1] + place[3 * i + 2] * place[3 * j + 2];
          if (!taken[j] && (j === i || dot > 0.9995)) { taken[j] = 1; count++; }
        }
        seen([place[3 * i], place[3 * i + 1], place[3 * i + 2]], q);
        list.push({i: i, count: count, x: q[0], y: q[1], z: q[2]});
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
        context.fillStyle = colours[g.i];
        context.fill();
        context.lineWidth = 1.5;
        context.strokeStyle = style.card;
        if (near) context.stroke();
      });
      context.globalAlpha = 1;
    }

    function draw() {
      var ratio = window.devicePixelRatio || 1, side = Math.round(canvas.clientWidth * ratio) || 560;
      var css = getComputedStyle(document.documentElement);
      if (canvas.width !== side) canvas.width = canvas.height = side;
      style = {faint: css.getPropertyValue("--faint"), rule: css.getPropertyValue("--rule"), card: css.getPropertyValue("--card")};
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(0, 0, side, side);
      context.translate(side / 2, side / 2);
      context.scale(side / 560, side / 560);
      var radius = 262, list = groups();
      if (solid) {
        globe(radius);
        dots(list, false, radius);
      } else {
        globe(radius);
      }
      if (trails.checked && at > 0) for (var i = 0; i < n; i++) trail(i, radius);
      dots(list, true, radius);
      canvas.dataset.frame = at.toFixed(2);
      canvas.dataset.groups = list.length;
    }

    function seek(t, quiet) {
      at = Math.max(0, Math.min(frames - 1, t));
      var f = Math.round(at);
      slider.value = f;
      clock.textContent = stateName(info.states[f]).replace(/^state \d+, /, "");
      slider.setAttribute("aria-valuetext", clock.textContent);
      if (!quiet) setState(info.states[f]);
      draw();
    }

    function tick(now) {
      if (!playing) return;
      var step = last ? (now - last) / 1000 * Math.max(4, frames / 9) : 0;
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

    /* Turns the view by angles about the page's vertical and horizontal axes. */
    function turn(a, b) {
      if (!solid) return;
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

    var held = null;
    canvas.addEventListener("pointerdown", function (e) {
      held = [e.clientX, e.clientY];
      canvas.setPointerCapture(e.pointerId);
      canvas.classList.add("drag");
    });
    canvas.addEventListener("pointermove", function (e) {
      if (!held) return;
      var unit = 2.1 / canvas.clientWidth;
      turn((e.clientX - held[0]) * unit, (held[1] - e.clientY) * unit);
      held = [e.clientX, e.clientY];
    });
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
    trails.addEventListener("change", draw);
    document.querySelectorAll("svg[data-film]").forEach(function (svg) {
      svg.addEventListener("click", function () { stop(); seek(nearest(info.states, +svg.dataset.state)); });
    });
    listeners.push(function (l) {
      if (!playing && info.states[Math.round(at)] !== l) seek(nearest(info.states, l), true);
    });
    window.addEventListener("resize", draw);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
    seek(0, true);
  }

  if (data.sphere && data.sphere.states.length) sphere(data.sphere);
})();
