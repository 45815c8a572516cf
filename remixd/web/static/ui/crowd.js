// The crowd of a directed session, live: what it wants of each dimension, who holds it, and hands on that.

import { h, isCalm, say, t } from "./base.js";
import { button, light, slider } from "./controls.js";
import { lawOf } from "./knobs.js";

const level = { low: -60, high: 6, rest: 0, step: 0.1, scale: "level", fromTaste: (taste) => taste * (taste < 0 ? 24 : 6),
  format: (value) => (value <= -60 ? "−∞" : `${value.toFixed(1)} dB`) };
/** As the table of dimensions has them. */
export const DIMENSIONS = {
  tempo: { low: 0.5, high: 2, rest: 1, step: 0.005, fromTaste: (taste) => 2 ** taste, format: (value) => `× ${value.toFixed(2)}` },
  pitch: { low: -12, high: 12, rest: 0, step: 1, fromTaste: (taste) => taste * 12, format: (value) => `${value > 0 ? "+" : ""}${Math.round(value)}` },
  vocals: level, drums: level, bass: level, other: level,
  brightness: { low: -12, high: 12, rest: 0, step: 0.5, fromTaste: (taste) => taste * 12, format: (value) => `${value.toFixed(1)} dB` },
  space: { low: 0, high: 1, rest: 0, step: 0.01, fromTaste: (taste) => taste, format: (value) => value.toFixed(2) },
  drive: { low: 0, high: 1, rest: 0, step: 0.01, fromTaste: (taste) => taste, format: (value) => value.toFixed(2) },
  density: { low: -1, high: 1, rest: 0, step: 0.01, fromTaste: (taste) => taste, format: (value) => value.toFixed(2) },
};

/** One dimension: a picture and the hands on it. */
class Row {
  constructor(name, desk) {
    Object.assign(this, { name, desk, told: "" });
    const dimensions = [name];
    const word = `dimension.${name}`;
    this.canvas = h("canvas", { class: "votes", role: "img", tLabel: word });
    this.lock = button(`crowd.${name}.lock`, "dj.lock", () => desk.act({ lock: { dimensions, off: this.held === "locked" } }),
      { toggles: true, class: "small" });
    this.take = button(`crowd.${name}.take`, "dj.take", () => (this.held === "dj" ? desk.act({ handBack: { dimensions } })
      : desk.act({ take: { dimensions } })), { toggles: true, class: "small" });
    this.fader = slider(`crowd.${name}.move`, word, { tag: "rx-fader", class: `of-${name}`, ...DIMENSIONS[name] }, (value, held) => {
      desk.move(`crowd.${name}`, { move: { dimension: name, value, jump: true } }, held);
    });
    this.why = h("p", { class: "vote-why" });
    this.element = h("div", { class: `vote of-${name}`, "data-dimension": name }, this.fader, this.canvas,
      h("div", { class: "pair" }, this.lock, this.take), this.why);
  }

  show(crowd, held, wanted, value) {
    this.held = held;
    light(this.lock, held === "locked");
    light(this.take, held === "dj");
    say(this.take, held === "dj" ? "dj.hand-back" : "dj.take");
    if (value !== undefined) this.fader.show(value);
    const fans = crowd?.fans || 0;
    const by = held || crowd?.heldBy;
    const words = [fans ? t("dj.fans", { fans }) : t("dj.nobody"), by ? t(`dj.held.${by}`) : "",
      crowd?.peaks?.length === 2 ? t("dj.two-minds") : ""].filter(Boolean).join(" · ");
    if (this.why.textContent !== words) this.why.textContent = words;
    const told = JSON.stringify([crowd?.histogram, crowd?.peaks, wanted, value, this.canvas.clientWidth]);
    if (told === this.told) return;
    this.told = told;
    paintVotes(this.canvas, this.name, { ...crowd, wanted, value });
    this.canvas.setAttribute("aria-label", `${t(`dimension.${this.name}`)}: ${words}`);
  }
}

/**
 * What a crowd wants of a dimension, on the way that the dimension's fader goes.
 * @param {HTMLCanvasElement} canvas @param {string} name of the dimension
 * @param {{histogram?: number[], peaks?: number[], wanted?: number, value?: number}} told `value` is what the mix has
 */
export function paintVotes(canvas, name, { histogram = [], peaks = [], wanted, value }) {
  const ratio = devicePixelRatio || 1;
  const wide = Math.max(1, Math.round(canvas.clientWidth * ratio));
  const tall = Math.max(1, Math.round(canvas.clientHeight * ratio));
  if (canvas.width !== wide || canvas.height !== tall) Object.assign(canvas, { width: wide, height: tall });
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, wide, tall);
  const style = getComputedStyle(canvas);
  const accent = style.getPropertyValue("--hue").trim() || style.getPropertyValue("--accent").trim();
  const ink = style.color;
  const { low, high, scale, fromTaste } = DIMENSIONS[name];
  const place = (each) => lawOf(scale).to(Math.min(Math.max(each, low), high), low, high) * wide;
  const edge = (index) => place(fromTaste((2 * index) / histogram.length - 1));
  const most = Math.max(...histogram, 1e-9);
  pen.fillStyle = accent;
  histogram.forEach((share, index) => {
    const from = edge(index);
    const high = (share / most) * (tall - 4 * ratio);
    if (share > 0) pen.fillRect(from, tall - high, Math.max(edge(index + 1) - from - ratio, 2 * ratio), high);
  });
  pen.fillStyle = ink;
  pen.globalAlpha = 0.25;
  pen.fillRect(0, tall - ratio, wide, ratio);
  pen.globalAlpha = 1;
  for (const peak of peaks) triangle(pen, place(peak), ratio, accent);
  if (wanted !== undefined) pen.fillRect(Math.min(place(wanted), wide - 2 * ratio), 0, 2 * ratio, tall);
  if (value !== undefined) {
    pen.strokeStyle = ink;
    pen.lineWidth = 2 * ratio;
    pen.beginPath();
    pen.arc(Math.min(Math.max(place(value), 6 * ratio), wide - 6 * ratio), tall - 7 * ratio, 4 * ratio, 0, 2 * Math.PI);
    pen.stroke();
  }
}

function triangle(pen, x, ratio, colour) {
  pen.fillStyle = colour;
  pen.beginPath();
  pen.moveTo(x - 5 * ratio, 0);
  pen.lineTo(x + 5 * ratio, 0);
  pen.lineTo(x, 8 * ratio);
  pen.fill();
}

/** The whole picture. */
export class CrowdPanel {
  /** @param {import("./desk.js").Desk} desk */
  constructor(desk) {
    this.rows = Object.keys(DIMENSIONS).map((name) => new Row(name, desk));
    this.count = h("b", { class: "fig" }, "0");
    this.alarms = h("ul", { class: "alarms" });
    const all = (id, word, action) => button(`crowd.${id}`, word, () => desk.act(action), {});
    this.hands = h("div", { class: "row" }, all("lock", "dj.lock-all", { lock: {} }), all("unlock", "dj.unlock-all", { lock: { off: true } }),
      all("take", "dj.take-all", { take: {} }), all("back", "dj.back-all", { handBack: {} }));
    this.none = h("p", { class: "hint", t: "dj.no-crowd" });
    this.body = h("div", { class: "crowd-body" }, h("div", { class: "row between" },
      h("p", {}, this.count, " ", h("span", { t: "dj.fans-now" })), this.hands), h("div", { role: "alert" }, this.alarms), h("div", { class: "votes-grid" }, ...this.rows.map((row) => row.element)));
    this.element = h("section", { class: "crowd", tLabel: "dj.crowd" }, h("h2", { t: "dj.crowd" }), this.none, this.body);
    this.body.hidden = true;
    this.element.classList.toggle("calm", isCalm());
  }

  /** @param {Object} status ConsoleStatus @param {Object|null} session message Session */
  show(status, session) {
    const directed = session?.mode === "SESSION_MODE_DIRECTED";
    this.body.hidden = !directed;
    this.none.hidden = directed;
    if (!directed) return;
    const crowd = status.crowd || {};
    const fans = String(crowd.fans || 0);
    if (this.count.textContent !== fans) this.count.textContent = fans;
    const alarms = [...(crowd.alarms || []), ...(session?.alarms || [])].filter((each, index, every) => every.indexOf(each) === index);
    const told = alarms.join("\n");
    if (told !== this.told) {
      this.told = told;
      this.alarms.replaceChildren(...alarms.map((each) => h("li", {}, each)));
    }
    for (const row of this.rows) {
      row.show((crowd.dimensions || []).find((each) => each.dimension === row.name), status.authority?.[row.name] || "",
        status.wanted?.[row.name], session?.mix?.[row.name]);
    }
  }
}
