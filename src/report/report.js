/* The script of a report: read-outs, one state highlighted in every figure, the numbers behind the figures. Nothing is
 * fetched; the figures are complete without it. cloud.js goes on from what is returned. */
var dwellReport = (function () {
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

  var falls = Array.prototype.map.call(document.querySelectorAll(".falls tbody tr"), function (row) {
    return Array.prototype.map.call(row.cells, function (c) { return c.textContent; });
  });

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

    /* What carries the falls of the energies drawn here: from the table of falls. */
    function fallRows(i) {
      var names = series.map(function (s) { return s.name.replace("blocks.dE_", "energy_").replace("layers.", ""); });
      var block = data.blocks.first + (blocks ? i : i - 1), rows = [];
      falls.forEach(function (fall) {
        var k = names.indexOf(fall[1]);
        if (+fall[0] !== block || k < 0) return;
        rows.push({name: "fall of " + columnName(series[k].name), value: fall[3] || fall[2]});
        fall[4].split(/, (?=\d+:|\d+ & )/).slice(0, 3).forEach(function (pair) { rows.push({name: pair, value: ""}); });
      });
      return rows;
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
      showTip(clientX, clientY, heading, rows.concat(svg.querySelector(".fall") ? fallRows(i) : []));
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

  /* ---- clusters by state ---- */

  document.querySelectorAll(".lumps").forEach(function (column) {
    var state = +column.dataset.state;
    listeners.push(function (l) { column.classList.toggle("on", l === state); });
    column.addEventListener("pointermove", function (e) {
      var d = e.target.dataset;
      setState(state);
      if (d.size) showTip(e.clientX, e.clientY, stateName(state), [
        {name: +d.id < 0 ? "in no cluster" : "cluster " + d.id, value: d.size + (d.size === "1" ? " token" : " tokens")}]);
    });
    column.addEventListener("pointerleave", hideTip);
  });

  /* ---- maps of heads ---- */

  function cellAt(svg, e) {
    var box = svg.getBoundingClientRect(), unit = svg.viewBox.baseVal.width / box.width, d = svg.dataset;
    return {block: +d.first + Math.floor(((e.clientX - box.left) * unit - d.left) / d.cellWidth),
            head: Math.floor((d.bottom - (e.clientY - box.top) * unit) / d.cellHeight)};
  }

  document.querySelectorAll("svg[data-heat]").forEach(function (svg) {
    var cells = svg.querySelector(".cells"), column = cells.dataset.series.split(".")[1], heads = data.heads;
    if (!heads || !heads[column]) return;
    svg.addEventListener("pointermove", function (e) {
      var at = cellAt(svg, e);
      for (var i = 0; i < heads.block.length; i++) {
        if (heads.block[i] !== at.block || heads.head[i] !== at.head) continue;
        showTip(e.clientX, e.clientY, "block " + at.block + ", head " + at.head, [{name: column, value: show(heads[column][i])}]);
        return;
      }
      hideTip();
    });
    svg.addEventListener("pointerleave", hideTip);
  });

  /* ---- the attention of a head ---- */

  var maps = data.attention, SIDE = 420, LEFT = 52, TOP = 44; /* as in attention.c */

  function mapOf(block, head) {
    if (!maps.values) maps.values = bytes(maps.uint8);
    var one = maps.side * maps.side, from = ((block - maps.first) * maps.heads + head) * one;
    return maps.values.subarray(from, from + one);
  }

  /* First and last token of a run of cells. */
  function tokensOf(k) {
    function first(run) { return Math.ceil(Math.min(run, maps.runs) * maps.tokens / maps.runs); }
    return [first(k * maps.factor), first((k + 1) * maps.factor) - 1];
  }

  function span(k) {
    var t = tokensOf(k);
    return t[0] === t[1] ? String(t[0]) : t[0] + "–" + t[1];
  }

  function attention() {
    var block = document.getElementById("block"), head = document.getElementById("head");
    var svg = document.getElementById("attention"), cells = svg.querySelectorAll(".cell"), size = SIDE / maps.side;

    function draw() {
      var paths = Array.from({length: cells.length}, function () { return []; });
      mapOf(+block.value, +head.value).forEach(function (v, m) {
        if (v) paths[Math.min(cells.length - 1, Math.floor(v / 255 * cells.length))].push("M" + (LEFT + size * (m % maps.side)).toFixed(2)
          + " " + (TOP + size * Math.floor(m / maps.side)).toFixed(2) + "h" + size.toFixed(2) + "v" + size.toFixed(2) + "h-" + size.toFixed(2) + "z");
      });
      paths.forEach(function (d, k) { cells[k].setAttribute("d", d.join("")); });
    }

    function choose(b, h) {
      block.value = Math.max(maps.first, Math.min(maps.first + maps.blocks - 1, b));
      head.value = Math.max(0, Math.min(maps.heads - 1, h));
      draw();
    }

    [block, head].forEach(function (input) {
      input.addEventListener("change", function () { choose(Math.round(+block.value), Math.round(+head.value)); });
    });
    document.querySelectorAll("svg[data-heat]").forEach(function (map) {
      map.classList.add("click");
      map.addEventListener("click", function (e) {
        var at = cellAt(map, e);
        choose(at.block, at.head);
        svg.closest("figure").scrollIntoView({block: "nearest"});
      });
    });
    svg.addEventListener("pointermove", function (e) {
      var box = svg.getBoundingClientRect(), unit = svg.viewBox.baseVal.width / box.width;
      var k = Math.floor(((e.clientX - box.left) * unit - LEFT) / size), q = Math.floor(((e.clientY - box.top) * unit - TOP) / size);
      if (k < 0 || q < 0 || k >= maps.side || q >= maps.side) { hideTip(); return; }
      var share = Math.pow(mapOf(+block.value, +head.value)[q * maps.side + k] / 255, 2);
      showTip(e.clientX, e.clientY, "block " + block.value + ", head " + head.value, [{name: "query " + span(q) + ", key " + span(k),
        value: share.toFixed(3)}]);
    });
    svg.addEventListener("pointerleave", hideTip);
  }

  if (maps) attention();

  function attentionRows() {
    var block = +document.getElementById("block").value, head = +document.getElementById("head").value, rows = [];
    mapOf(block, head).forEach(function (v, m) {
      var q = tokensOf(Math.floor(m / maps.side)), k = tokensOf(m % maps.side);
      rows.push([block, head, q[0], q[1], k[0], k[1], +Math.pow(v / 255, 2).toFixed(5)]);
    });
    return {header: ["block", "head", "first_query", "last_query", "first_key", "last_key", "share"], rows: rows};
  }

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

  /* Coordinates as they are embedded: steps of 1/32767 of the scale. */
  function sphereRows(angles) {
    var info = data.sphere || data.cloud, points = unpack(info.int16), rows = [], n = info.n;
    info.states.forEach(function (state, f) {
      for (var i = 0; i < n; i++) {
        var at = Array.prototype.slice.call(points, 3 * (f * n + i), 3 * (f * n + i) + 3);
        rows.push([state, i].concat((angles ? [Math.atan2(at[1], at[0])] : at).map(function (x) { return +(x * info.scale).toFixed(5); })));
        rows[rows.length - 1][0] += data.layers.first;
        rows[rows.length - 1][1] = info.tokens[i];
      }
    });
    return {header: ["state", "token"].concat(angles ? ["angle"] : ["x", "y", "z"]), rows: rows};
  }

  /* Tokens that two neighbouring states' clusters share; identities are numbered through the run, -1: in no cluster. */
  function identity(l, i) {
    var n = data.labels.length / states, label = data.labels[l * n + i];
    return label < 0 ? -1 : data.identities[l][label];
  }

  function alluvialRows() {
    var n = data.labels.length / states, rows = [];
    for (var l = 0; l + 1 < states; l++) {
      var counts = {};
      for (var i = 0; i < n; i++) {
        if (data.measured[i] !== "1") continue;
        var key = identity(l, i) + "," + identity(l + 1, i);
        counts[key] = (counts[key] || 0) + 1;
      }
      Object.keys(counts).forEach(function (key) {
        var pair = key.split(",");
        rows.push([data.layers.first + l, +pair[0], +pair[1], counts[key]]);
      });
    }
    return {header: ["state", "cluster", "next", "tokens"], rows: rows};
  }

  /* Mergers of a flow: nodes 0..n-1 are particles, n + k is what merger k made. */
  function treeRows() {
    return {header: ["merger", "first", "second", "log_time"], rows: data.mergers.log_time.map(function (time, k) {
      return [k, data.mergers.pairs[2 * k], data.mergers.pairs[2 * k + 1], time];
    })};
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
      case "attention": return attentionRows();
      case "tree": return treeRows();
      case "alluvial": return alluvialRows();
      case "sphere": case "cloud": case "angles": return sphereRows(parts[0] === "angles");
      default: return null;
    }
  };

  /* ---- what is embedded as base64 ---- */

  function bytes(text) { return Uint8Array.from(atob(text), function (c) { return c.charCodeAt(0); }); }

  /* 16-bit integers, 32767 = 1. */
  function unpack(text) {
    var all = bytes(text), out = new Float32Array(all.length / 2);
    for (var i = 0; i < out.length; i++) {
      var bits = all[2 * i] | all[2 * i + 1] << 8;
      out[i] = (bits > 32767 ? bits - 65536 : bits) / 32767;
    }
    return out;
  }

  return {data: data, make: make, nearest: nearest, stateName: stateName, showTip: showTip, hideTip: hideTip, show: show,
          setState: setState, onState: function (f) { listeners.push(f); }, state: function () { return current; },
          unpack: unpack, bytes: bytes, identity: identity};
})();
