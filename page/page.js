"use strict";
(() => {
  const $ = (selector, from = document) => from.querySelector(selector);
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  document.documentElement.classList.add("on");
  const tip = $("#tip"), large = $("#large"), help = $("#help");
  const slots = all(".slot"), classes = all(".class"), chips = all(".legend .chip");
  const seen = (e) => e.offsetParent !== null;

  // Lines of commands are broken between words, and not at the hyphens of flags.
  for (const code of all(".command code")) {
    const words = code.textContent.split(" ");
    code.replaceChildren(...words.flatMap((word) => {
      const span = document.createElement("span");
      span.textContent = word;
      return [span, " "];
    }));
  }

  // pictureOf is what a point of a map stands for.
  const pictureOf = (point) => {
    const card = $("#s-" + (point.dataset.slot || point.dataset.mode));
    if (!card) return [null, null];
    if (point.dataset.mode) return [card, $(".reals img", card)];
    return [card, $(`.made img[data-set="${point.dataset.set}"]`, card)];
  };
  const show = (point, x, y) => {
    const [card, picture] = pictureOf(point);
    tip.replaceChildren();
    if (picture) {
      const copy = new Image();
      copy.src = picture.src;
      copy.alt = picture.alt;
      tip.append(copy);
    }
    const set = chips[point.dataset.set];
    tip.append((set ? set.textContent + ": " : "") + $("title", point).textContent);
    tip.hidden = false;
    tip.style.left = Math.min(x + 14, innerWidth - tip.offsetWidth - 8) + "px";
    tip.style.top = Math.min(y + 14, innerHeight - tip.offsetHeight - 8) + "px";
    all(".slot.hot").forEach((e) => e.classList.remove("hot"));
    card?.classList.add("hot");
  };
  for (const map of all("svg.map")) {
    map.addEventListener("mousemove", (e) => {
      const point = e.target.closest(".pt");
      if (point) show(point, e.clientX, e.clientY);
      else tip.hidden = true;
    });
    map.addEventListener("mouseleave", () => {
      tip.hidden = true;
      all(".slot.hot").forEach((e) => e.classList.remove("hot"));
    });
    map.addEventListener("click", (e) => {
      const point = e.target.closest(".pt");
      const card = point && pictureOf(point)[0];
      if (card) { card.focus(); card.scrollIntoView({ block: "center" }); }
    });
  }
  const points = (card, on) => {
    const id = card.id.slice(2);
    all(`.pt[data-slot="${id}"], .pt[data-mode="${id}"]`, card.closest(".class")).forEach((p) => p.classList.toggle("hot", on));
  };
  const enlarge = (card) => {
    large.replaceChildren();
    const title = document.createElement("h2");
    title.textContent = card.closest(".class").dataset.name + ", " + card.getAttribute("aria-label");
    large.append(title);
    for (const picture of all("img", card)) {
      const figure = document.createElement("figure"), text = document.createElement("figcaption"), copy = new Image();
      copy.src = picture.src;
      copy.alt = text.textContent = picture.alt;
      figure.append(copy, text);
      large.append(figure);
    }
    large.showModal();
  };
  for (const card of slots) {
    card.addEventListener("mouseenter", () => points(card, true));
    card.addEventListener("mouseleave", () => points(card, false));
    card.addEventListener("focus", () => points(card, true));
    card.addEventListener("blur", () => points(card, false));
    card.addEventListener("click", () => enlarge(card));
  }
  large.addEventListener("click", () => large.close());

  // Flipping shows one set after the other in the same place.
  let now = -1;
  const flip = () => {
    if (chips.length < 2) return;
    now = now + 1 < chips.length ? now + 1 : -1;
    document.body.classList.toggle("flip", now >= 0);
    for (const e of all(".many .made img, .map .link, .map .made")) e.classList.toggle("now", e.classList.contains("s" + now));
    const name = now < 0 ? "side by side" : chips[now].textContent;
    if ($("#flip")) $("#flip").textContent = "Flip (f): " + name;
  };
  $("#flip")?.addEventListener("click", flip);

  const filter = $("#filter"), only = $("#only");
  const narrow = () => {
    const text = filter.value.trim().toLowerCase();
    let n = 0;
    for (const part of classes) {
      let some = 0;
      for (const card of all(".slot", part)) {
        card.hidden = only.checked && !card.classList.contains("copy");
        if (!card.hidden) some++;
      }
      part.hidden = !part.dataset.name.toLowerCase().includes(text) || (only.checked && some === 0);
      if (!part.hidden) n += some;
    }
    $("#shown").textContent = n === slots.length ? "" : `${n} of ${slots.length} images`;
  };
  filter?.addEventListener("input", narrow);
  only?.addEventListener("change", narrow);

  // move goes to the next of a list after the one that has the focus, or is in view.
  const move = (list, by) => {
    list = list.filter(seen);
    if (!list.length) return;
    const here = document.activeElement?.closest(".slot, .class");
    let at = list.findIndex((e) => e === here || e.contains(here));
    if (at < 0) at = list.findIndex((e) => e.getBoundingClientRect().bottom > 60) - (by > 0 ? 1 : 0);
    const next = list[Math.max(0, Math.min(list.length - 1, at + by))];
    const focus = next.matches(".slot") ? next : $(".slot", next);
    focus?.focus({ preventScroll: true });
    next.scrollIntoView({ block: next.matches(".slot") ? "nearest" : "start" });
  };
  $("#help-button")?.addEventListener("click", () => help.showModal());
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || large.open || help.open) return;
    if (e.target.matches("input[type=search]")) { if (e.key === "Escape") e.target.blur(); return; }
    switch (e.key) {
    case "j": move(slots, 1); break;
    case "k": move(slots, -1); break;
    case "n": move(classes, 1); break;
    case "p": move(classes, -1); break;
    case "f": flip(); break;
    case "?": help.showModal(); break;
    case "/": if (filter) { filter.focus(); e.preventDefault(); } break;
    case "Enter": if (e.target.matches(".slot")) enlarge(e.target); break;
    }
  });
})();
