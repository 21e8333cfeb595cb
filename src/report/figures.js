/* What every figure of a page has below it: its drawing as SVG, its numbers as CSV and as a table. Nothing is fetched.
 * A page's own script says where the numbers are (dwellFigures.numbers); else they are the figure's table. */
var dwellFigures = (function () {
  "use strict";
  var MOST_ROWS = 400, SVG = "http://www.w3.org/2000/svg";
  var LOOKS = ["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "stroke-linejoin", "opacity",
               "font-family", "font-size", "font-weight", "text-anchor", "visibility"];
  var own = {numbers: function () { return null; }};

  /* A copy that other programs can read: colours and fonts as attributes instead of rules. */
  function standalone(svg) {
    var copy = svg.cloneNode(true), from = svg.querySelectorAll("*"), to = copy.querySelectorAll("*");
    for (var i = 0; i < from.length; i++) {
      var style = getComputedStyle(from[i]);
      LOOKS.forEach(function (look) { to[i].setAttribute(look, style.getPropertyValue(look)); });
      to[i].removeAttribute("class");
      to[i].removeAttribute("style");
    }
    copy.querySelectorAll(":scope > [visibility=hidden]").forEach(function (e) { e.remove(); });
    var box = svg.viewBox.baseVal;
    copy.setAttribute("width", box.width);
    copy.setAttribute("height", box.height);
    ["class", "tabindex", "style"].forEach(function (name) { copy.removeAttribute(name); });
    return copy;
  }

  /* Several drawings of one figure (a film strip) stand side by side in one file. */
  function drawing(svgs) {
    var copies = svgs.map(standalone), out = copies[0];
    if (copies.length > 1) {
      var x = 0, height = 0;
      out = document.createElementNS(SVG, "svg");
      copies.forEach(function (copy) {
        copy.setAttribute("x", x);
        x += +copy.getAttribute("width");
        height = Math.max(height, +copy.getAttribute("height"));
        out.appendChild(copy);
      });
      out.setAttribute("viewBox", "0 0 " + x + " " + height);
      out.setAttribute("width", x);
      out.setAttribute("height", height);
    }
    return new XMLSerializer().serializeToString(out);
  }

  function tableOf(figure) {
    var table = figure.querySelector("table.numbers");
    if (!table) return null;
    var rows = Array.prototype.map.call(table.rows, function (row) {
      return Array.prototype.map.call(row.cells, function (c) {
        return c.dataset.value !== undefined ? c.dataset.value : c.textContent;
      });
    });
    return {header: rows[0], rows: rows.slice(1)};
  }

  function numbersOf(figure) { return own.numbers(figure) || tableOf(figure); }

  function cell(value) {
    var text = value === null || value === undefined ? "" : String(value);
    return /[",\r\n]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
  }

  function csv(numbers) {
    return [numbers.header].concat(numbers.rows).map(function (row) { return row.map(cell).join(","); }).join("\n") + "\n";
  }

  function save(name, type, text) {
    var a = document.createElement("a");
    a.href = URL.createObjectURL(new Blob([text], {type: type}));
    a.download = name;
    a.click();
    setTimeout(function () { URL.revokeObjectURL(a.href); }, 10000);
  }

  function button(figure, kind, heading, act) {
    var b = document.createElement("button");
    b.type = "button";
    b.className = "save " + kind.toLowerCase();
    b.textContent = kind;
    b.setAttribute("aria-label", "save " + heading + " as " + kind);
    b.addEventListener("click", act);
    figure.querySelector(".tools").appendChild(b);
  }

  /* Built when it is opened: a page has far more numbers than anybody looks at. */
  function behind(figure, heading) {
    var details = document.createElement("details"), summary = document.createElement("summary");
    details.className = "behind";
    summary.textContent = "numbers";
    summary.setAttribute("aria-label", "numbers of " + heading + " as a table");
    details.appendChild(summary);
    details.addEventListener("toggle", function () {
      if (!details.open || details.querySelector("table")) return;
      var numbers = numbersOf(figure), wide = document.createElement("div"), table = document.createElement("table");
      wide.className = "wide";
      wide.tabIndex = 0;
      table.className = "events";
      var head = table.createTHead().insertRow(), body = table.createTBody();
      numbers.header.forEach(function (name) {
        var th = document.createElement("th");
        th.scope = "col";
        th.textContent = name;
        head.appendChild(th);
      });
      numbers.rows.slice(0, MOST_ROWS).forEach(function (row) {
        var tr = body.insertRow();
        row.forEach(function (value) { tr.insertCell().textContent = value === null ? "" : value; });
      });
      wide.appendChild(table);
      details.appendChild(wide);
      if (numbers.rows.length > MOST_ROWS) {
        var more = document.createElement("p");
        more.textContent = "The first " + MOST_ROWS + " of " + numbers.rows.length + " rows; the CSV has all.";
        details.appendChild(more);
      }
    });
    figure.querySelector(".tools").appendChild(details);
  }

  function equip(figure) {
    var svgs = Array.prototype.slice.call(figure.querySelectorAll("svg.dw")), name = figure.id.slice(2);
    var heading = figure.querySelector("h3").textContent, tools = document.createElement("div");
    tools.className = "tools";
    figure.appendChild(tools);
    if (svgs.length) button(figure, "SVG", heading, function () { save(name + ".svg", "image/svg+xml", drawing(svgs)); });
    if (!numbersOf(figure)) return;
    button(figure, "CSV", heading, function () { save(name + ".csv", "text/csv", csv(numbersOf(figure))); });
    if (!figure.querySelector("table.numbers")) behind(figure, heading);
  }

  document.addEventListener("DOMContentLoaded", function () { document.querySelectorAll("figure").forEach(equip); });
  document.documentElement.classList.add("js");
  return own;
})();
