// How the daemon does, as it does it: histograms of what it counts, drawn as they grow.

import { bus, colour, connected, h, origin, remixd, say, t, tellError, token } from "../ui/base.js";
import { frame } from "../ui/frame.js";

const EVERY_MS = 1000;
const FRESH_S = 60;
const CHARTS = {
  "bench.sound": { name: "remixd_signal_to_sound_seconds", scale: 1000, unit: "ms", hue: "--vocals" },
  "bench.cost": { name: "remixd_block_cost_ratio", scale: 100, unit: "%", hue: "--drums" },
  "bench.late": { name: "remixd_block_lateness_seconds", scale: 1000, unit: "ms", hue: "--bass" },
  "bench.commands": { name: "remixd_session_commands_waiting", scale: 1, unit: "", hue: "--other" },
  "bench.listeners": { name: "remixd_listener_waiting_seconds", scale: 1000, unit: "ms", hue: "--other" },
  "bench.watchers": { name: "remixd_watcher_waiting", scale: 1, unit: "", hue: "--other" },
  "bench.rpc": { name: "remixd_rpc_seconds", scale: 1000, unit: "ms", hue: "--accent" },
};
const FIGURES = ["sessions", "listening", "fans", "load", "cpu", "memory", "underruns", "engines"];

/** Samples of a page as Prometheus reads it: {name, labels, value}. */
function samplesOf(page) {
  const found = [];
  for (const line of page.split("\n")) {
    const parts = /^([a-zA-Z_:]+)(?:\{(.*)\})? (\S+)/.exec(line);
    if (!parts || line.startsWith("#")) continue;
    const labels = Object.fromEntries([...(parts[2] || "").matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map((each) => [each[1], each[2]]));
    found.push({ name: parts[1], labels, value: Number(parts[3]) });
  }
  return found;
}

/** The buckets of a histogram, over all of its labels: [{to, count}], in order, each its own count. */
function bucketsOf(samples, name) {
  const sums = new Map();
  for (const each of samples) {
    if (each.name !== `${name}_bucket`) continue;
    const to = each.labels.le === "+Inf" ? Infinity : Number(each.labels.le);
    sums.set(to, (sums.get(to) || 0) + each.value);
  }
  let before = 0;
  return [...sums].sort((a, b) => a[0] - b[0]).map(([to, sum]) => {
    const count = Math.max(sum - before, 0);
    before = sum;
    return { to, count };
  });
}

/** The value below which a share of what was counted lies: within its bucket, in a straight line. */
function quantile(buckets, share) {
  const all = buckets.reduce((sum, each) => sum + each.count, 0);
  let left = all * share;
  let from = 0;
  for (const { to, count } of buckets) {
    if (count && left <= count) return Number.isFinite(to) ? from + ((to - from) * left) / count : from;
    left -= count;
    if (Number.isFinite(to)) from = to;
  }
  return from;
}

/** One histogram: all since the daemon began, pale, and the last minute, bright. */
class Chart {
  constructor(key, about) {
    this.about = about;
    this.history = [];
    this.told = h("p", { class: "quiet" });
    this.canvas = h("canvas", { role: "img", tLabel: key });
    this.element = h("section", { class: "panel chart" }, h("h2", { t: key }), this.told, this.canvas);
    this.key = key;
  }

  take(samples) {
    const buckets = bucketsOf(samples, this.about.name);
    const nowS = performance.now() / 1000;
    this.history.push({ atS: nowS, buckets });
    while (this.history[0].atS < nowS - FRESH_S) this.history.shift();
    const before = new Map(this.history[0].buckets.map((each) => [each.to, each.count]));
    this.fresh = buckets.map(({ to, count }) => ({ to, count: Math.max(count - (before.get(to) || 0), 0) }));
    this.all = buckets;
    this.draw();
  }

  number(value) {
    const shown = value * this.about.scale;
    const digits = shown >= 100 ? 0 : shown >= 10 ? 1 : 2;
    return `${shown.toFixed(digits)}${this.about.unit ? ` ${this.about.unit}` : ""}`;
  }

  draw() {
    if (!this.all) return;
    const total = this.all.reduce((sum, each) => sum + each.count, 0);
    const values = { median: this.number(quantile(this.all, 0.5)), p95: this.number(quantile(this.all, 0.95)),
      count: total.toLocaleString() };
    if (total) say(this.told, "bench.figures", values);
    else say(this.told, "bench.empty");
    this.canvas.setAttribute("aria-label", `${t(this.key)}: ${this.told.textContent}`);
    this.paint();
  }

  paint() {
    const scale = devicePixelRatio || 1;
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight];
    if (!width) return;
    this.canvas.width = width * scale;
    this.canvas.height = height * scale;
    const context = this.canvas.getContext("2d");
    context.scale(scale, scale);
    const floor = height - 22;
    const step = width / Math.max(this.all.length, 1);
    for (const [buckets, alpha] of [[this.all, 0.32], [this.fresh, 1]]) {
      const most = Math.max(1, ...buckets.map((each) => each.count));
      context.globalAlpha = alpha;
      context.fillStyle = colour(this.about.hue);
      buckets.forEach(({ count }, index) => {
        const tall = count ? Math.max(2, (Math.log1p(count) / Math.log1p(most)) * (floor - 6)) : 0;
        context.fillRect(index * step + 1, floor - tall, Math.max(step - 2, 1), tall);
      });
    }
    context.globalAlpha = 1;
    context.fillStyle = colour("--grid");
    context.fillRect(0, floor, width, 1);
    this.label(context, step, floor, width);
  }

  label(context, step, floor, width) {
    context.fillStyle = colour("--ink-3");
    context.font = "11px system-ui, sans-serif";
    let free = 0;
    this.all.forEach(({ to }, index) => {
      const text = Number.isFinite(to) ? this.number(to) : "";
      const length = context.measureText(text).width;
      const x = Math.min((index + 1) * step - length / 2, width - length);
      if (!text || x < free) return;
      context.fillText(text, x, floor + 16);
      free = x + length + 12;
    });
  }
}

class Page {
  constructor() {
    this.charts = Object.entries(CHARTS).map(([key, about]) => new Chart(key, about));
    this.figures = Object.fromEntries(FIGURES.map((name) => [name, h("dd", {}, "–")]));
    this.note = h("p", { class: "quiet", hidden: true, t: "bench.operator" });
    this.worst = h("ul", { class: "reasons" }, h("li", { class: "quiet", t: "bench.empty" }));
    frame("bench", h("div", { class: "bench" }, h("h1", { t: "bench.title" }), this.note,
      h("dl", { class: "figures" }, FIGURES.map((name) => h("div", {}, h("dt", { t: `bench.${name}` }), this.figures[name]))),
      h("div", { class: "charts" }, this.charts.map((each) => each.element)),
      h("section", { class: "panel worst" }, h("h2", { t: "bench.worst" }), this.worst)));
    const again = () => this.charts.forEach((each) => each.draw());
    addEventListener("resize", again);
    matchMedia("(prefers-color-scheme: light)").addEventListener("change", again);
    bus.on("language", again);
  }

  async run() {
    await connected();
    for (;;) {
      if (!document.hidden) await this.look().catch((error) => error.code !== "UNAVAILABLE" && tellError(error));
      await new Promise((resolve) => { setTimeout(resolve, EVERY_MS); });
    }
  }

  async look() {
    const headers = token ? { authorization: `Bearer ${token}` } : {};
    const page = await fetch(new URL("metrics", origin), { headers }).catch(() => null);
    if (!page) return;
    this.note.hidden = page.ok;
    if (!page.ok) return;
    const samples = samplesOf(await page.text());
    for (const chart of this.charts) chart.take(samples);
    const { stats } = await remixd.call("Stats/GetStats");
    this.show(stats, samples);
  }

  show(stats, samples) {
    const load = Math.max(0, ...(stats.engines || []).map((each) => each.load || 0));
    const late = samples.filter((each) => each.name === "remixd_underruns_total").reduce((sum, each) => sum + each.value, 0);
    const told = {
      sessions: stats.sessions || 0, listening: stats.listeners || 0, fans: stats.fans || 0,
      load: `${Math.round(load * 100)} %`, cpu: `${Math.round((stats.cpuShare || 0) * 100)} %`,
      memory: `${Math.round((stats.residentBytes || 0) / 2 ** 20)} MB`, underruns: late, engines: stats.engineDeaths || 0,
    };
    for (const [name, value] of Object.entries(told)) this.figures[name].textContent = String(value);
    if (stats.worst?.length) this.worst.replaceChildren(...stats.worst.map((each) => this.block(each)));
  }

  /** One of the worst blocks: which, how late and how long it was, and what coincided with it. */
  block(told) {
    const ms = (ns) => `${((ns || 0) / 1e6).toFixed(2)} ms`;
    const late = told.lateNs > 0 ? t("bench.ready", { late: ms(told.lateNs) }) : "";
    return h("li", {},
      h("span", { class: "reason-head" }, h("span", { class: "reason-name" }, t(`bench.${told.table}`)),
        h("span", { class: "reason-value" }, `${told.session} · ${told.sample || 0}`)),
      h("span", {}, [late, t("bench.took", { cost: ms(told.costNs) }), ...(told.causes || [])].filter(Boolean).join(" · ")));
  }
}

new Page().run();
