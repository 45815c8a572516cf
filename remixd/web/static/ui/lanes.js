// <rx-lanes>: a song's stems as lanes, its sections, bars and beats, and the playhead where one hears it.

import { clockOf, colour, h, isCalm, t } from "./base.js";

export const ROLES = ["drums", "bass", "vocals", "other"];
const STRIP_PX = 30;
const RULER_PX = 18;
const LANE_PX = 64;
const ZOOMS = [1, 2, 4, 8, 16];
const SEEK_S = 5;

/** Columns of several stems as one. */
function together(stems, field) {
  const [first, ...others] = stems.map((stem) => stem[field] || []);
  if (!others.length) return first;
  return first.map((value, at) => Math.hypot(value, ...others.map((each) => each[at] || 0)));
}

/**
 * Draws a song. `load(track, overview)`; `gains` are linear by role; `position()` tells where it is heard, in
 * seconds, or null. Emits `seek` with detail {positionS}.
 */
class Lanes extends HTMLElement {
  constructor() {
    super();
    this.gains = {};
    this.position = () => null;
    this.zoom = 0;
    this.lanes = [];
    this.track = null;
  }

  connectedCallback() {
    if (this.still) return;
    this.still = h("canvas", { "aria-hidden": "true" });
    this.head = h("canvas", { "aria-hidden": "true", class: "head" });
    this.surface = h("div", { class: "surface", role: "slider", tabindex: "0", tLabel: "lanes.place",
      "aria-valuemin": "0", "aria-valuemax": "0", "aria-valuenow": "0" }, this.still, this.head);
    this.append(this.surface);
    this.surface.addEventListener("pointerup", (event) => this.pick(event));
    this.surface.addEventListener("keydown", (event) => this.press(event));
    this.surface.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      this.magnify(event.deltaY < 0 ? 1 : -1);
    }, { passive: false });
    new ResizeObserver(() => this.redraw()).observe(this);
    matchMedia("(prefers-color-scheme: light)").addEventListener("change", () => this.redraw());
  }

  /** @param {Object} track in full @param {Object} overview as of Tracks/GetOverview; null while it is not there */
  load(track, overview) {
    this.track = track;
    this.durationS = track.durationS || 1;
    this.columnS = overview?.columnS || 1;
    const looks = new Map((overview?.stems || []).map((each) => [each.stem, each]));
    this.lanes = ROLES.map((role) => {
      const stems = track.stems.filter((each) => each.plays && each.role === `STEM_ROLE_${role.toUpperCase()}`);
      const drawn = stems.map((each) => looks.get(each.name)).filter(Boolean);
      return { role, names: stems.map((each) => each.name), has: stems.length > 0,
        peaks: drawn.length ? together(drawn, "peaks") : [], rms: drawn.length ? together(drawn, "rms") : [] };
    }).filter((lane) => lane.has);
    this.loudest = Math.max(0.05, ...this.lanes.map((lane) => lane.peaks.reduce((a, b) => Math.max(a, b), 0)));
    this.fromS = 0;
    this.style.setProperty("--lanes", this.lanes.length);
    this.surface.setAttribute("aria-valuemax", Math.round(this.durationS));
    this.redraw();
  }

  /** How loud each role is now, linear. */
  level(gains) {
    const changed = ROLES.some((role) => Math.abs((gains[role] ?? 1) - (this.gains[role] ?? 1)) > 1e-3);
    this.gains = gains;
    if (changed) this.redraw();
  }

  get spanS() { return this.durationS / ZOOMS[this.zoom]; }

  magnify(by) {
    this.zoom = Math.min(Math.max(this.zoom + by, 0), ZOOMS.length - 1);
    this.follow(this.position() ?? 0, true);
    this.redraw();
  }

  /** Keep the playhead in view. */
  follow(atS, always = false) {
    const to = Math.min(Math.max(atS - this.spanS * 0.2, 0), this.durationS - this.spanS);
    if (!always && atS >= this.fromS && atS <= this.fromS + this.spanS * 0.95) return false;
    const moved = Math.abs(to - this.fromS) > 1e-6;
    this.fromS = to;
    return moved;
  }

  redraw() {
    if (this.isAsked || !this.track) return;
    this.isAsked = true;
    requestAnimationFrame(() => {
      this.isAsked = false;
      this.draw();
      this.drawHead();
    });
  }

  /** Draw the playhead for as long as it moves. */
  run() {
    if (this.isRunning) return;
    this.isRunning = true;
    let last = 0;
    const step = (now) => {
      if (!this.isRunning) return;
      if (!isCalm() || now - last > 200) {
        last = now;
        this.drawHead();
      }
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  /** It rests. */
  rest() {
    this.isRunning = false;
    this.drawHead();
  }

  size(canvas) {
    const scale = devicePixelRatio || 1;
    const [width, height] = [this.surface.clientWidth, this.surface.clientHeight];
    if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(height * scale);
    }
    const context = canvas.getContext("2d");
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    return { context, width, height };
  }

  x(atS, width) { return ((atS - this.fromS) / this.spanS) * width; }

  draw() {
    const { context, width, height } = this.size(this.still);
    if (!width) return;
    this.drawSections(context, width);
    this.drawGrid(context, width, height);
    const top = STRIP_PX + RULER_PX;
    const laneHeight = (height - top) / Math.max(this.lanes.length, 1);
    this.lanes.forEach((lane, index) => this.drawLane(context, lane, top + index * laneHeight, laneHeight, width));
  }

  drawSections(context, width) {
    context.font = "600 11px system-ui, sans-serif";
    context.textBaseline = "middle";
    for (const [index, section] of (this.track.analysis?.sections || []).entries()) {
      const from = this.x(section.startS || 0, width);
      const to = this.x(section.endS, width);
      if (to < 0 || from > width) continue;
      context.fillStyle = colour(index % 2 ? "--band" : "--band-2");
      context.beginPath();
      context.roundRect(from + 1, 2, Math.max(to - from - 2, 1), STRIP_PX - 6, 5);
      context.fill();
      const label = t(`section.${section.label}`).replace("section.", "");
      const at = Math.max(from, 0) + 8;
      if (context.measureText(label).width + 12 > to - Math.max(from, 0)) continue;
      context.fillStyle = colour("--ink-2");
      context.fillText(label, at, STRIP_PX / 2);
    }
  }

  drawGrid(context, width, height) {
    const { downbeatsS = [], beatsS = [] } = this.track.analysis || {};
    const barPx = downbeatsS.length > 1 ? (width * (downbeatsS[1] - downbeatsS[0])) / this.spanS : 0;
    const every = barPx ? 2 ** Math.max(0, Math.ceil(Math.log2(14 / barPx))) : 1;
    context.font = "10px system-ui, sans-serif";
    context.fillStyle = colour("--ink-3");
    const line = (atS, top, strength) => {
      const x = Math.round(this.x(atS, width)) + 0.5;
      if (x < 0 || x > width) return;
      context.strokeStyle = colour(strength);
      context.beginPath();
      context.moveTo(x, top);
      context.lineTo(x, height);
      context.stroke();
    };
    if (barPx > 56) for (const beatS of beatsS) line(beatS, STRIP_PX + RULER_PX, "--grid-2");
    let free = 0;
    downbeatsS.forEach((barS, index) => {
      if (index % every) return;
      line(barS, STRIP_PX + RULER_PX - 5, "--grid");
      const x = this.x(barS, width);
      if (x < free || x < 0 || x > width - 20) return;
      context.fillText(String(index + 1), x + 3, STRIP_PX + RULER_PX / 2);
      free = x + 46;
    });
  }

  drawLane(context, lane, top, height, width) {
    const middle = top + height / 2;
    const gain = this.gains[lane.role] ?? 1;
    const scale = ((height / 2 - 5) / this.loudest) * Math.min(gain, 1.6);
    const hue = colour(`--${lane.role}`);
    context.fillStyle = colour("--grid");
    context.fillRect(0, Math.round(top + height) - 1, width, 1);
    context.fillRect(0, Math.round(middle), width, 1);
    const shape = (columns, alpha) => {
      const first = Math.max(0, Math.floor(this.fromS / this.columnS));
      const last = Math.min(columns.length - 1, Math.ceil((this.fromS + this.spanS) / this.columnS));
      if (last <= first) return;
      const half = (value) => Math.min(Math.max(value * scale, 0.4), height / 2 - 3);
      context.globalAlpha = alpha;
      context.beginPath();
      for (let at = first; at <= last; at += 1) context.lineTo(this.x(at * this.columnS, width), middle - half(columns[at]));
      for (let at = last; at >= first; at -= 1) context.lineTo(this.x(at * this.columnS, width), middle + half(columns[at]));
      context.closePath();
      context.fill();
    };
    context.fillStyle = hue;
    shape(lane.peaks, 0.38);
    shape(lane.rms, 0.95);
    context.globalAlpha = 1;
  }

  drawHead() {
    if (!this.track || !this.surface.clientWidth) return;
    const atS = this.position();
    if (atS !== null && this.follow(atS)) this.draw();
    const { context, width, height } = this.size(this.head);
    if (atS === null) return;
    const wrapped = ((atS % this.durationS) + this.durationS) % this.durationS;
    const x = this.x(wrapped, width);
    context.fillStyle = colour("--veil");
    context.fillRect(0, STRIP_PX + RULER_PX, Math.max(x, 0), height);
    context.fillStyle = colour("--ink");
    context.fillRect(x - 1, STRIP_PX - 2, 2, height);
    context.beginPath();
    context.moveTo(x - 6, STRIP_PX - 3);
    context.lineTo(x + 6, STRIP_PX - 3);
    context.lineTo(x, STRIP_PX + 6);
    context.fill();
    const whole = Math.floor(wrapped);
    if (whole === this.toldS) return;
    this.toldS = whole;
    this.surface.setAttribute("aria-valuenow", whole);
    this.surface.setAttribute("aria-valuetext", `${clockOf(wrapped)} ${this.sectionAt(wrapped)}`);
  }

  sectionAt(atS) {
    const found = (this.track.analysis?.sections || []).find((each) => atS >= (each.startS || 0) && atS < each.endS);
    return found ? t(`section.${found.label}`).replace("section.", "") : "";
  }

  pick(event) {
    if (!this.track || event.button > 0) return;
    const box = this.surface.getBoundingClientRect();
    this.go(this.fromS + ((event.clientX - box.left) / box.width) * this.spanS);
  }

  press(event) {
    if (!this.track) return;
    const atS = this.position() ?? 0;
    const bars = this.track.analysis?.downbeatsS || [];
    const sections = (this.track.analysis?.sections || []).map((each) => each.startS || 0);
    const next = (places) => places.find((each) => each > atS + 0.05);
    const last = (places) => places.filter((each) => each < atS - 1).at(-1) ?? 0;
    const ways = {
      ArrowRight: () => next(bars) ?? atS + SEEK_S, ArrowLeft: () => (bars.length ? last(bars) : atS - SEEK_S),
      PageDown: () => next(sections) ?? atS, PageUp: () => last(sections), Home: () => 0,
      End: () => sections.at(-1) ?? atS,
    };
    if (event.key === "+" || event.key === "=") this.magnify(1);
    else if (event.key === "-") this.magnify(-1);
    else if (event.key in ways) this.go(ways[event.key]());
    else return;
    event.preventDefault();
  }

  go(positionS) {
    const to = Math.min(Math.max(positionS, 0), this.durationS - 0.1);
    this.dispatchEvent(new CustomEvent("seek", { detail: { positionS: to } }));
  }
}

export { LANE_PX, RULER_PX, STRIP_PX };
customElements.define("rx-lanes", Lanes);
