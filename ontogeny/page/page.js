// Puts rows into the panels as the reader chooses them. What is drawn of rows is Vega-Lite's.
const page = { panels: [], state: { run: "", seed: "all", task: "", step: 0 }, steps: [], errors: [] };
window.ontogeny = page;
const at = (id) => document.getElementById(id);
const NOTHING = "–", LANE = 17;

async function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

const levels = (panel, name) => panel.columns[name]?.levels ?? [];
const words = (name) => String(name).replaceAll("_", " ");

// Of all panels, the values of a column, in the order in which they first come.
function everywhere(name) {
  const found = new Set();
  for (const panel of page.panels)
    for (const level of levels(panel, name === "task" ? panel.task : name))
      if (level !== NOTHING) found.add(level);
  return [...found];
}

// The value that most panels have; of equals the first.
function commonest(name) {
  const panels = (value) => page.panels.filter((panel) => levels(panel, name).includes(value)).length;
  return everywhere(name).reduce((best, value) => (panels(value) > panels(best) ? value : best), everywhere(name)[0]);
}

function fill(select, values, chosen, name = words) {
  select.replaceChildren(...values.map((value) => new Option(name(value), value)));
  if (values.map(String).includes(String(chosen))) select.value = String(chosen);
  return select.value;
}

// Narrow rows down to one value of each column in turn: the wanted one, or the first that is there.
function narrowed(panel) {
  const { state } = page, { columns } = panel, notes = [];
  let rows = Array.from({ length: panel.rows }, (_, row) => row);
  const take = (name, wanted, choose) => {
    const column = columns[name];
    if (!column) return;
    const codes = new Set(rows.map((row) => column.codes[row]));
    const there = [...codes].sort((a, b) => a - b).map((code) => column.levels[code]);
    const value = there.find((level) => String(level) === String(wanted)) ?? there[0];
    const code = column.levels.indexOf(value);
    rows = rows.filter((row) => column.codes[row] === code);
    if (choose) choose(there, value);
    else if (String(value) !== String(wanted)) notes.push(`${words(value)}, for ${words(wanted)} isn't measured here`);
  };
  take("run", state.run);
  if (panel.task) take(panel.task, state.task);
  for (const name of panel.choices)
    take(name, panel.chosen[name], (there, value) => offer(panel, name, there, value));
  if (columns.seed && state.seed !== "all") {
    const code = columns.seed.levels.findIndex((seed) => String(seed) === state.seed);
    const own = rows.filter((row) => columns.seed.codes[row] === code);
    if (own.length) rows = own;
    else notes.push(`all seeds, for seed ${state.seed} isn't measured here`);
  }
  return { rows, notes };
}

// A choice of the panel's own, where there is one to make.
function offer(panel, name, there, value) {
  panel.chosen[name] = value;
  const known = panel.selects[name];
  if (known) {
    fill(known, there, value);
    known.parentElement.hidden = there.length < 2;
    return;
  }
  const label = document.createElement("label"), select = document.createElement("select");
  label.append(`${words(name)} `, select);
  label.hidden = there.length < 2;
  select.addEventListener("change", () => { panel.chosen[name] = select.value; refresh([panel]); });
  panel.selects[name] = select;
  panel.element.querySelector(".choices").append(label);
  fill(select, there, value);
}

// Ends of the cells around steps, midway as the axis shows them: it is linear below `constant`.
function edges(steps, constant) {
  const bend = (step) => Math.log1p(step / constant), unbend = (place) => constant * Math.expm1(place);
  const places = steps.map(bend);
  const middles = places.slice(1).map((place, before) => (place + places[before]) / 2);
  if (!middles.length) return [steps[0] - 0.5, steps[0] + 0.5];
  const last = places.length - 1;
  return [2 * places[0] - middles[0], ...middles, 2 * places[last] - middles[last - 1]].map(unbend);
}

function ticks(steps) {
  const positive = steps.filter((step) => step > 0), round = [];
  if (!positive.length) return [0];
  const [first, last] = [positive[0], positive[positive.length - 1]];
  for (const factors of [[1], [1, 2, 5], [1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9]]) {
    round.length = 0;
    for (let power = Math.floor(Math.log10(first)); power <= Math.log10(last); power++)
      for (const factor of factors) {
        const tick = factor * 10 ** power;
        if (tick >= first && tick <= last) round.push(tick);
      }
    if (round.length > 1) break;
  }
  return steps[0] === 0 ? [0, ...round] : round;
}

function shown(panel) {
  const { rows, notes } = narrowed(panel), { columns } = panel;
  const level = (name, row) => columns[name]?.levels[columns[name].codes[row]];
  const values = rows.map((row) => ({
    step: level("step", row), seed: level("seed", row) ?? "", study: level("study", row),
    series: panel.series ? String(level(panel.series, row)) : "value",
    across: panel.across ? level(panel.across, row) : undefined,
    value: columns.value[row], low: columns.low?.[row], high: columns.high?.[row],
  }));
  if (panel.kind === "timeline") return timeline(values, notes);
  const steps = [...new Set(values.map((value) => value.step))].sort((a, b) => a - b);
  const constant = steps.find((step) => step > 0) ?? 1;
  if (panel.kind === "heatmap") {
    const ends = edges(steps, constant), place = new Map(steps.map((step, i) => [step, i]));
    for (const value of values) {
      value.from = ends[place.get(value.step)];
      value.to = ends[place.get(value.step) + 1];
    }
  }
  const past = steps.filter((step) => step <= page.state.step);
  return { values, notes, constant, ticks: ticks(steps), step: past.length ? past[past.length - 1] : steps[0] };
}

// What the values are, above the axis.
function unit(panel) {
  if (panel.kind === "timeline") return "";
  const metric = panel.chosen.metric, names = Object.values(panel.units);
  if (metric) return panel.units[metric] ?? "";
  if (panel.series !== "metric") return names.join(", or ");
  const units = new Set(names.map((name) => name.match(/\((.*)\)$/)?.[1] ?? ""));
  return units.size === 1 ? [...units][0] : "";
}

function timeline(values, notes) {
  const mean = new Map();
  for (const { series, study, value } of values) {
    const known = mean.get(series) ?? [study, 0, 0];
    mean.set(series, [study, known[1] + Math.log1p(value), known[2] + 1]);
  }
  const order = [...mean].sort(([, a], [, b]) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : a[1] / a[2] - b[1] / b[2]));
  const place = new Map(order.map(([series], i) => [series, i]));
  for (const value of values) {
    value.order = place.get(value.series);
    // Where an end isn't known nothing is drawn on that side.
    value.from = value.low ?? value.value;
    value.to = value.high ?? value.value;
  }
  const steps = [...new Set(values.flatMap((v) => [v.low, v.value, v.high]))].filter((v) => v != null).sort((a, b) => a - b);
  const constant = steps.find((step) => step >= 1) ?? 1;
  return { values, notes, constant, ticks: ticks(steps), step: page.state.step, height: LANE * order.length };
}

let turn = 0;
// Draw panels anew: those in sight first, and none any longer once the reader has chosen otherwise.
// `page.drawn` is kept when they are.
function refresh(panels = page.panels) {
  page.drawn = redraw(panels);
  return page.drawn;
}

async function redraw(panels) {
  const all = panels === page.panels;
  const mine = all ? ++turn : turn;
  const order = [...panels].sort((a, b) => b.near - a.near);
  for (const panel of order) {
    if (all && mine !== turn) return;
    try {
      await draw(panel);
    } catch (error) {
      page.errors.push(`${panel.id}: ${error}`);
      console.error(panel.id, error);
    }
  }
}

async function draw(panel) {
  const { values, notes, ...signals } = shown(panel);
  const note = panel.element.querySelector(".note");
  note.hidden = !notes.length;
  panel.element.querySelector(".unit").textContent = unit(panel);
  note.textContent = notes.length ? `Shown: ${notes.join("; ")}.` : "";
  if (!panel.view) {
    const chart = panel.element.querySelector(".chart");
    const spec = { ...panel.spec, datasets: { rows: values } };
    spec.params = spec.params.map((p) => (p.name in signals ? { name: p.name, value: signals[p.name] } : p));
    if (signals.height) spec.height = signals.height;
    panel.view = (await vegaEmbed(chart, spec, { actions: false, renderer: "canvas", ast: false })).view;
    return;
  }
  for (const [name, value] of Object.entries(signals)) panel.view.signal(name, value);
  const key = JSON.stringify([page.state.run, page.state.seed, page.state.task, panel.chosen]);
  if (key !== panel.key) panel.view.data("rows", values);
  panel.key = key;
  await panel.view.runAsync();
}

function move(place) {
  page.state.step = page.steps[place];
  at("step").value = place;
  at("clock").textContent = page.state.step.toLocaleString("en");
  at("step").setAttribute("aria-valuetext", `step ${page.state.step}`);
}

function controls() {
  const { state } = page;
  const seeds = everywhere("seed").sort((a, b) => a - b);
  state.run = fill(at("run"), everywhere("run"), commonest("run"));
  state.task = fill(at("task"), everywhere("task"), state.task);
  state.seed = fill(at("seed"), ["all", ...seeds], "all");
  for (const name of ["run", "seed", "task"]) {
    const select = at(name);
    select.parentElement.hidden = select.options.length < 2;
    select.addEventListener("change", () => { state[name] = select.value; refresh(); });
  }
  page.steps = everywhere("step").sort((a, b) => a - b);
  if (!page.steps.length) page.steps = [0];
  at("step").max = page.steps.length - 1;
  move(page.steps.length - 1);
  let asked = 0;
  at("step").addEventListener("input", () => {
    move(Number(at("step").value));
    cancelAnimationFrame(asked);
    asked = requestAnimationFrame(() => refresh());
  });
  let playing = 0;
  at("play").addEventListener("click", () => {
    const stop = () => { clearInterval(playing); playing = 0; at("play").textContent = "▶"; at("play").ariaPressed = "false"; };
    if (playing) return stop();
    let place = Number(at("step").value);
    if (place >= page.steps.length - 1) place = -1;
    at("play").textContent = "❚❚";
    at("play").ariaPressed = "true";
    playing = setInterval(() => {
      if (++place >= page.steps.length) return stop();
      move(place);
      refresh();
    }, 450);
  });
}

function legends(panel) {
  for (const button of panel.element.querySelectorAll(".legend button")) {
    button.ariaPressed = "false";
    button.addEventListener("click", () => {
      const picked = button.ariaPressed === "true" ? "" : button.dataset.series;
      for (const other of panel.element.querySelectorAll(".legend button"))
        other.ariaPressed = String(other.dataset.series === picked);
      panel.view?.signal("picked", picked).runAsync();
    });
  }
}

function filters() {
  const boxes = [...document.querySelectorAll(".filter input")];
  const show = () => {
    const wanted = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    for (const row of document.querySelectorAll(".ledger tbody tr")) row.hidden = !wanted.has(row.dataset.verdict);
    for (const part of document.querySelectorAll("details.claims"))
      part.hidden = !part.querySelector("tbody tr:not([hidden])");
  };
  for (const box of boxes) box.addEventListener("change", show);
  for (const link of document.querySelectorAll(".tally [data-verdict]"))
    link.addEventListener("click", () => {
      for (const box of boxes) box.checked = box.value === link.dataset.verdict;
      for (const part of document.querySelectorAll("details.claims")) part.open = true;
      show();
    });
}

async function open() {
  filters();
  page.panels = await unpacked(at("data").textContent);
  const sight = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries)
      page.panels.find((panel) => panel.id === target.id).near = Number(isIntersecting);
  }, { rootMargin: "300px" });
  for (const panel of page.panels) {
    Object.assign(panel, { element: at(panel.id), chosen: {}, selects: {}, near: 0, view: null });
    sight.observe(panel.element);
    legends(panel);
  }
  controls();
  await refresh();
  page.ready = true;
}

open().catch((error) => { page.errors.push(String(error)); console.error(error); });
