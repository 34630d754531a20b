"use strict";
// The panel of one image: what is near it, what is decided about it, and making it again.
(() => {
  const { $, value, verdicts, step, draw, choose, table, onState } = window.mgd3;
  const rules = ["ddpm", "ddpm-sd", "ddim-paper", "ddim-x0", "ddim-sd", "dpm++2m", "dpm++2m-sde", "unipc"];
  let at = -1, state = { edit: false, decided: 0 }, known = 0, job = null, candidate = null;
  const say = (text) => { $("said").textContent = text; };

  const post = async (path, body) => {
    const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body) });
    const data = await answer.json().catch(() => ({ error: `the server says ${answer.status}` }));
    return { ok: answer.ok, data };
  };

  const fact = (name, text) => [Object.assign(document.createElement("dt"), { textContent: name }),
    Object.assign(document.createElement("dd"), { textContent: text })];
  const facts = () => {
    const d = verdicts.get(at), rows = [];
    for (const column of ["file", "mode", "size", "own", "others", "seed", "nearest"]) {
      rows.push(...fact(column, value(column, at)));
    }
    if (d && d.verdict !== "open") rows.push(...fact("decided", d.verdict + (d.reason ? ": " + d.reason : "")));
    $("facts").replaceChildren(...rows);
  };
  const show = async (n) => {
    if (!(n >= 0)) return;
    at = n;
    candidate = null;
    $("panel").hidden = false;
    $("title").textContent = `${value("class", n)}, mode ${value("mode", n)}`;
    $("old").src = "image/" + n;
    $("newfigure").hidden = $("time").hidden = true;
    $("reason").value = verdicts.get(n)?.reason ?? "";
    const again = $("again").elements;
    again.seed.value = value("seed", n);
    again.mode.value = value("mode", n);
    say("");
    draw(true);
    facts();
    offer();
    if (job?.image === n) follow();
    $("near").replaceChildren();
    const near = await (await fetch("neighbours/" + n)).json();
    if (at !== n) return;
    $("near").replaceChildren(...near.map((real) => {
      const figure = document.createElement("figure");
      if (real.real >= 0) figure.append(Object.assign(new Image(), { src: "real/" + real.real, alt: "a real image" }));
      figure.append(Object.assign(document.createElement("figcaption"), { textContent: real.name }));
      return figure;
    }));
  };
  // offer shows what can be done.
  const offer = () => {
    $("decide").hidden = $("again").hidden = $("save").hidden = !state.edit;
    $("decide").querySelector("[value=replace]").disabled = !candidate;
  };

  const decide = async (verdict) => {
    const n = at, body = { image: n, verdict, reason: $("reason").value, seen: verdicts.get(n)?.n ?? 0,
      candidate: verdict === "replace" ? candidate.id : "" };
    const { ok, data } = await post("decide", body);
    if (ok || data.now) verdicts.set(n, ok ? data : data.now);
    if (ok) say("kept in the journal");
    else say(data.now ? `${data.error}: ${data.now.verdict} ${data.now.reason ?? ""}; decide again to overrule it` :
      data.error);
    choose();
    facts();
  };

  // follow shows the job of this image: the image on its way, or what came of it.
  const follow = () => {
    $("cancel").hidden = job.ended;
    const time = $("time"), last = +time.value === +time.max;
    $("newfigure").hidden = time.hidden = job.previews === 0 && !job.made;
    time.max = Math.max(0, job.previews - 1 + (job.made ? 1 : 0));
    if (last) time.value = time.max;
    look();
    candidate = job.made ?? null;
    if (job.error) say(job.error);
    else say(job.made ? "made" : job.steps ? `step ${job.step} of ${job.steps}` : "opening the networks");
    offer();
  };
  const look = () => {
    const k = +$("time").value, src = job.made && k >= job.previews ? "candidate/" + job.made.id :
      job.previews ? `preview/${k}?${job.id}` : "";
    if (src && $("new").getAttribute("src") !== src) $("new").src = src;
    $("newcaption").textContent = job.made && k >= job.previews ? "again" : `on its way, ${k + 1} of ${job.previews}`;
  };

  $("all").addEventListener("click", (e) => show(+(e.target.closest("figure")?.dataset.n ?? NaN)));
  $("close").addEventListener("click", () => { $("panel").hidden = true; at = -1; draw(true); });
  $("time").addEventListener("input", () => job && look());
  $("decide").addEventListener("submit", (e) => { e.preventDefault(); decide(e.submitter?.value ?? "keep"); });
  for (const rule of rules) $("again").elements.rule.append(new Option(rule, rule));
  $("again").addEventListener("submit", async (e) => {
    e.preventDefault();
    const f = $("again").elements, body = { image: at, rule: f.rule.value, lambda: f.lambda.value.trim(),
      stop: f.stop.value.trim(), steps: "" };
    if (f.mode.value.trim()) body.mode = +f.mode.value;
    if (f.seed.value.trim() !== value("seed", at)) body.seed = +f.seed.value;
    say("");
    $("time").value = $("time").max = 0;
    const { ok, data } = await post("again", body);
    if (ok) { job = data; follow(); } else say(data.error);
  });
  $("cancel").addEventListener("click", () => post("cancel", { job: job.id }));
  $("save").addEventListener("submit", async (e) => {
    e.preventDefault();
    const { ok, data } = await post("set", { name: $("name").value });
    $("saved").textContent = ok ? ["written: " + data.out, ...data.notes ?? []].join("; ") : data.error;
  });
  addEventListener("keydown", (e) => {
    if (at < 0 || e.target.matches("input, select") || e.ctrlKey || e.metaKey || e.altKey) return;
    if (e.key === "ArrowRight" || e.key === "j") show(step(at, 1));
    if (e.key === "ArrowLeft" || e.key === "k") show(step(at, -1));
    if (e.key === "Escape") $("close").click();
    if (state.edit && e.key === "y") decide("keep");
    if (state.edit && e.key === "n") decide("reject");
  });

  onState(async (now) => {
    state = now;
    offer();
    if (state.edit && state.decided > known) {
      known = state.decided;
      for (const d of await (await fetch("decisions")).json()) verdicts.set(d.image, d);
      choose();
      if (at >= 0) facts();
    }
    if (now.job && (job === null || now.job.id >= job.id)) {
      job = now.job;
      if (job.image === at) follow();
    }
  });
})();
