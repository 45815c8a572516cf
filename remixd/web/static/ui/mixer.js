// What the mix has, and the controls of it: a fader a stem, knobs for the rest, a pad for two at once.

import { bus, h, keep, kept, t } from "./base.js";
import { ROLES } from "./lanes.js";
import "./knobs.js";

const decibels = (value) => (value <= -59.5 ? t("off") : `${signed(value, 1)} dB`);
const percent = (value) => `${Math.round(value * 100)} %`;
const signed = (value, digits) => `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(value).toFixed(digits)}`;
const ratio = (value) => `${signed((value - 1) * 100, 0)} %`;

/** The dimensions, as the daemon's table has them. */
export const DIMENSIONS = {
  tempo: { low: 0.5, high: 2, rest: 1, step: 0.01, format: ratio },
  pitch: { low: -12, high: 12, rest: 0, step: 1, format: (value) => signed(value, 0) },
  brightness: { low: -12, high: 12, rest: 0, step: 0.5, format: (value) => `${signed(value, 1)} dB` },
  space: { low: 0, high: 1, rest: 0, step: 0.01, format: percent },
  drive: { low: 0, high: 1, rest: 0, step: 0.01, format: percent },
  density: { low: -1, high: 1, rest: 0, step: 0.05, format: (value) => signed(value, 2) },
};
for (const role of ROLES) {
  DIMENSIONS[role] = { low: -60, high: 6, rest: 0, step: 0.5, scale: "level", format: decibels };
}
const KNOBS = ["tempo", "pitch", "brightness", "space", "drive", "density"];
const AXES_KEY = "remixd-axes";

/** The gain of a level. @param {number} db @returns {number} */
export const gainOf = (db) => (db <= -59.5 ? 0 : 10 ** (db / 20));

function control(tag, name) {
  const { low, high, rest, step, scale, format } = DIMENSIONS[name];
  const element = h(tag, { min: low, max: high, rest, value: rest, step, scale, label: t(`dimension.${name}`),
    class: `of-${name}`, "data-dimension": name });
  element.format = format;
  return element;
}

/** The controls of one mix. Emits nothing by itself: `onWish(dimension, value, atMs)`, `onRest(dimension)`. */
export class Mixer {
  /** @param {{onWish: function(string, number, number): void, onRest: function(string): void}} hands */
  constructor(hands) {
    this.hands = hands;
    this.controls = {};
    for (const role of ROLES) this.controls[role] = control("rx-fader", role);
    for (const name of KNOBS) this.controls[name] = control("rx-knob", name);
    this.wished = {};
    this.mix = {};
    for (const [name, each] of Object.entries(this.controls)) {
      each.addEventListener("input", ({ detail }) => this.wish(name, detail.value, detail.atMs));
      each.addEventListener("change", () => hands.onRest(name));
    }
    this.buildPad();
    bus.on("language", () => this.rename());
  }

  wish(name, value, atMs) {
    this.wished[name] = value;
    this.hands.onWish(name, value, atMs);
    this.showPad();
  }

  buildPad() {
    const [x, y] = kept("local", AXES_KEY).split(",");
    this.axes = { x: x in DIMENSIONS ? x : "space", y: y in DIMENSIONS ? y : "brightness" };
    this.pad = h("rx-pad", {});
    const move = ({ detail }) => {
      for (const way of ["x", "y"]) {
        const name = this.axes[way];
        if (this.controls[name].value === detail[way]) continue;
        this.controls[name].value = detail[way];
        this.wished[name] = detail[way];
        this.hands.onWish(name, detail[way], detail.atMs);
      }
    };
    this.pad.addEventListener("input", move);
    this.pad.addEventListener("change", () => Object.values(this.axes).forEach((name) => this.hands.onRest(name)));
    this.choosers = ["x", "y"].map((way) => {
      const chooser = h("select", { tLabel: `pad.${way}`, onchange: () => this.choose(way, chooser.value) },
        Object.keys(DIMENSIONS).map((name) => h("option", { value: name, t: `dimension.${name}` })));
      chooser.value = this.axes[way];
      return chooser;
    });
    this.setAxes();
  }

  choose(way, name) {
    const other = way === "x" ? "y" : "x";
    if (this.axes[other] === name) this.axes[other] = this.axes[way];
    this.axes[way] = name;
    this.choosers.forEach((each, index) => { each.value = this.axes[index ? "y" : "x"]; });
    keep("local", AXES_KEY, `${this.axes.x},${this.axes.y}`);
    this.setAxes();
  }

  setAxes() {
    const axis = (name) => {
      const here = this.controls[name];
      return { ...DIMENSIONS[name], low: here.low, high: here.high, value: here.value, label: t(`dimension.${name}`) };
    };
    this.pad.axes = { x: axis(this.axes.x), y: axis(this.axes.y) };
  }

  showPad() {
    this.pad.show({ x: this.controls[this.axes.x].value, y: this.controls[this.axes.y].value });
  }

  rename() {
    for (const [name, each] of Object.entries(this.controls)) {
      each.setAttribute("label", t(`dimension.${name}`));
      each.draw();
    }
    this.setAxes();
  }

  /** Take the ranges that a track's rights allow. @param {Object} rights */
  limit(rights) {
    for (const [name, each] of Object.entries(this.controls)) {
      const range = rights?.ranges?.[name];
      const { low, high } = DIMENSIONS[name];
      each.setAttribute("min", range ? Math.max(range.low ?? 0, low) : low);
      each.setAttribute("max", range ? Math.min(range.high ?? 0, high) : high);
      each.toggleAttribute("disabled", each.low >= each.high);
    }
    this.setAxes();
  }

  /** What the mix is now. While it flows, a control stays where it was put, and tells the mix beside it. */
  show(mix, isFlowing) {
    this.mix = mix;
    for (const [name, each] of Object.entries(this.controls)) {
      const value = mix[name] ?? 0;
      if (isFlowing && name in this.wished) each.ghost(value);
      else {
        each.show(value);
        each.ghost(null);
      }
    }
    if (!isFlowing) this.showPad();
  }

  /** Nothing is wished. */
  forget() {
    this.wished = {};
    for (const each of Object.values(this.controls)) each.ghost(null);
  }

  /** What hands have wished, to wish it again elsewhere. */
  get wishes() { return { ...this.wished }; }

  /** Linear gains by role, as they sound. */
  get gains() {
    return Object.fromEntries(ROLES.map((role) => {
      const here = this.controls[role];
      return [role, gainOf(here.held ? here.value : this.mix[role] ?? 0)];
    }));
  }

  /** The panel of knobs. */
  knobs() { return h("div", { class: "knobs" }, KNOBS.map((name) => this.controls[name])); }
}
