"use strict";
// The grid. What edit.js needs of it is in window.mgd3.
window.mgd3 = (() => {
  const $ = (id) => document.getElementById(id);
  const grid = $("grid"), whole = $("all"), wide = 116, high = 132;
  let table = { classes: [], class: [] }, shown = [];
  const verdicts = new Map(); // by number of an image

  const value = (column, n) => column === "class" ? table.classes[table.class[n]] :
    column === "verdict" ? verdicts.get(n)?.verdict ?? "open" : table[column]?.[n];

  // COLUMN OP VALUE …, all of which must be true; what cannot be read is said.
  const terms = (text) => text.trim().split(/\s+/).filter(Boolean).map((term) => {
    const m = /^(class|mode|size|own|others|seed|nearest|file|source|taken|verdict)(<=|>=|!=|=|<|>|~)(.+)$/.exec(term);
    if (!m) return null;
    const [, column, op, want] = m, number = ["mode", "size", "own", "others"].includes(column);
    if (number && Number.isNaN(+want)) return null;
    return (n) => {
      const have = value(column, n);
      if (op === "~") return String(have).includes(want);
      const [a, b] = number ? [have, +want] : [String(have), want];
      return op === "=" ? a === b : op === "!=" ? a !== b : op === "<" ? a < b : op === "<=" ? a <= b :
        op === ">" ? a > b : a >= b;
    };
  });

  // What is chosen stands in the address, so that a view can be sent.
  const fields = ["class", "size", "where", "order"];
  const read = () => {
    const asked = new URLSearchParams(location.search);
    for (const id of fields) $(id).value = asked.get(id) ?? "";
  };
  const write = () => {
    const chosen = new URLSearchParams();
    for (const id of fields) if ($(id).value) chosen.set(id, $(id).value);
    history.replaceState(null, "", chosen.size ? "?" + chosen : location.pathname);
  };
  const choose = () => {
    const name = table.classes.indexOf($("class").value), size = $("size").value, order = $("order").value;
    const where = terms($("where").value), odd = where.includes(null);
    $("where").setCustomValidity(odd ? "not understood" : "");
    shown = [];
    for (let n = 0; n < table.class.length; n++) {
      if ((name < 0 || table.class[n] === name) && (size === "" || table.size[n] <= +size) &&
        where.every((is) => is === null || is(n))) shown.push(n);
    }
    if (order === "own") shown.sort((a, b) => table.own[b] - table.own[a]);
    if (order === "size") shown.sort((a, b) => table.size[a] - table.size[b]);
    $("count").textContent = `${shown.length} of ${table.class.length} images` +
      (odd ? "; a part of the filter is not understood" : "");
    draw(true);
  };

  // Only the rows in view are there.
  let drawn = new Map();
  const draw = (anew) => {
    const columns = Math.max(1, Math.floor((grid.clientWidth - 16) / wide));
    whole.style.height = Math.ceil(shown.length / columns) * high + 16 + "px";
    const first = Math.max(0, Math.floor(grid.scrollTop / high) - 2) * columns;
    const last = Math.min(shown.length, (Math.ceil((grid.scrollTop + grid.clientHeight) / high) + 2) * columns);
    if (anew) { whole.replaceChildren(); drawn = new Map(); }
    for (const [i, figure] of drawn) if (i < first || i >= last) { figure.remove(); drawn.delete(i); }
    for (let i = first; i < last; i++) {
      if (drawn.has(i)) continue;
      const n = shown[i], figure = document.createElement("figure"), picture = new Image();
      picture.src = "image/" + n;
      picture.alt = `${value("class", n)}, mode ${table.mode[n]}`;
      figure.append(picture, `${value("class", n)} ${table.mode[n]} · ${table.size[n]} real`);
      figure.style.left = 10 + (i % columns) * wide + "px";
      figure.style.top = 10 + Math.floor(i / columns) * high + "px";
      figure.dataset.n = n;
      figure.className = verdicts.get(n)?.verdict ?? "";
      whole.append(figure);
      drawn.set(i, figure);
    }
  };
  // step is the image so many places after another, as they are shown.
  const step = (n, by) => shown[Math.min(shown.length - 1, Math.max(0, shown.indexOf(n) + by))];

  grid.addEventListener("scroll", () => requestAnimationFrame(() => draw(false)), { passive: true });
  addEventListener("resize", () => draw(true));
  for (const id of fields) $(id).addEventListener("input", () => { write(); grid.scrollTop = 0; choose(); });

  const load = async () => {
    table = await (await fetch("images")).json();
    $("class").replaceChildren(new Option("all", ""), ...table.classes.map((name) => new Option(name, name)));
    read();
    choose();
  };
  const loaded = load();

  // How far a run is.
  const time = (s) => s ? new Date(s * 1000).toISOString().slice(s < 3600 ? 14 : 11, 19) : "";
  const live = (state) => {
    $("run").hidden = state.done && !state.run;
    $("progress").textContent = state.problem ? state.problem : state.done ? "" :
      `running: latents of ${state.latents} classes, modes of ${state.modes}, ${state.images}` +
      (state.of ? ` of ${state.of}` : "") + " images" +
      (state.rate ? `, ${state.rate.toPrecision(2)} a second, ${time(state.left_s)} left` : "");
    const rows = (state.run?.stages ?? []).map((s) => [s.name, `${s.done} of ${s.tasks} tasks done`,
      `${s.running} running`, `${s.waiting} waiting`, `${s.failed} failed`, `${s.units} of ${s.units_of}`,
      s.rate ? `${s.rate.toPrecision(2)} a second` : "", s.left_s ? time(s.left_s) + " left" : "",
      Object.entries(s.machines ?? {}).map(([host, n]) => `${host}: ${n}`).join(" ")]);
    $("stages").replaceChildren(...rows.map((cells) => {
      const row = document.createElement("tr");
      row.append(...cells.map((text) => Object.assign(document.createElement("td"), { textContent: text })));
      return row;
    }));
    const odd = (state.run?.stages ?? []).flatMap((s) => [
      ...(s.faults ?? []).map((r) => `${s.name} ${r.task} on ${r.host}: ${r.message}`),
      ...(s.silent ?? []).map((r) => `${s.name} ${r.task} on ${r.host}: nothing since ${r.updated}`)]);
    $("faults").replaceChildren(...odd.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
    const want = state.done ? [] : state.last ?? [], have = [...$("last").children].map((image) => image.dataset.n);
    if (want.join() !== have.join()) {
      $("last").replaceChildren(...want.map((n) => {
        const image = Object.assign(new Image(), { src: "made/" + n, alt: "a new image" });
        image.dataset.n = n;
        return image;
      }));
    }
  };
  let told = () => {};
  const events = new EventSource("events");
  events.onmessage = async (e) => {
    const state = JSON.parse(e.data);
    await loaded;
    live(state);
    if (state.done && table.class.length !== state.images) await load();
    told(state);
  };

  return { $, value, verdicts, step, draw, choose, table: () => table, loaded, onState: (f) => { told = f; } };
})();
