"use strict";
(async () => {
  const $ = (id) => document.getElementById(id);
  const grid = $("grid"), whole = $("all"), wide = 116, high = 126;
  const all = (await (await fetch("images")).json()).map((image, n) => ({ n, ...image }));
  for (const name of new Set(all.map((image) => image.class))) $("class").append(new Option(name, name));
  let shown = all;

  // What is chosen stands in the address, so that a view can be sent.
  const fields = ["class", "size", "order"];
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
    const name = $("class").value, size = $("size").value, order = $("order").value;
    shown = all.filter((image) => (!name || image.class === name) && (size === "" || image.size <= +size));
    if (order === "own") shown.sort((a, b) => b.own - a.own);
    if (order === "size") shown.sort((a, b) => a.size - b.size);
    $("count").textContent = `${shown.length} of ${all.length} images`;
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
      const image = shown[i], figure = document.createElement("figure"), picture = new Image();
      picture.src = "image/" + image.n;
      picture.alt = `${image.class}, mode ${image.mode}`;
      figure.append(picture, `${image.class} ${image.mode} · ${image.size} real`);
      figure.style.left = 10 + (i % columns) * wide + "px";
      figure.style.top = 10 + Math.floor(i / columns) * high + "px";
      whole.append(figure);
      drawn.set(i, figure);
    }
  };
  grid.addEventListener("scroll", () => requestAnimationFrame(() => draw(false)), { passive: true });
  addEventListener("resize", () => draw(true));
  for (const id of fields) $(id).addEventListener("input", () => { write(); grid.scrollTop = 0; choose(); });
  read();
  choose();

  const events = new EventSource("events");
  events.onmessage = (e) => {
    const p = JSON.parse(e.data);
    $("progress").textContent = !p.done ?
      `running: latents of ${p.latents} classes, modes of ${p.modes}, ${p.images} images` :
      all.length ? "" : "done: start mgd3 serve again to see the images";
    if (p.done) events.close();
  };
})();
