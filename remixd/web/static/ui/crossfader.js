// The crossfader: it moves the faders of two decks, so that their power together stays what it was.

import { h, t } from "./base.js";
import { slider } from "./controls.js";

const OFF_DB = -60;
const FADER_MAX_DB = 6;
const gainOf = (db) => (db <= OFF_DB ? 0 : 10 ** (db / 20));
const dbOf = (gain) => (gain < 0.001 ? OFF_DB : Math.min(20 * Math.log10(gain), FADER_MAX_DB));

/** Where two faders put the crossfader: 0 is wholly left, 1 wholly right. */
function crossOf(leftDb, rightDb) {
  const left = gainOf(leftDb);
  const right = gainOf(rightDb);
  return left + right < 1e-6 ? 0.5 : Math.atan2(right, left) / (Math.PI / 2);
}

/** The faders of a place of the crossfader, at a power (the sum of both squares). @returns {[number, number]} dB */
function fadersOf(at, power) {
  const angle = at * (Math.PI / 2);
  const gain = Math.sqrt(power);
  return [dbOf(gain * Math.cos(angle)), dbOf(gain * Math.sin(angle))];
}

/** Between two decks that can be chosen. */
export class Crossfader {
  /** @param {import("./deck.js").DeckPanel[]} panels */
  constructor(panels) {
    this.panels = panels;
    const choice = (word, first) => h("select", { tLabel: word }, ...panels.map((each, index) => (
      h("option", { value: each.name, selected: index === first }, each.name))));
    this.left = choice("dj.cross-left", 0);
    this.right = choice("dj.cross-right", 1);
    this.power = null;
    this.fader = slider("cross", "dj.crossfader", {
      tag: "rx-fader", low: 0, high: 1, rest: 0.5, step: 0.002, class: "cross",
      format: (at) => (Math.abs(at - 0.5) < 0.005 ? t("dj.middle") : at < 0.5 ? `${this.left.value} ${Math.round((0.5 - at) * 200)}`
        : `${this.right.value} ${Math.round((at - 0.5) * 200)}`),
    }, (at, held) => this.move(at, held));
    this.fader.addEventListener("change", () => { this.power = null; });
    this.element = h("div", { class: "crossfader" }, this.left, this.fader, this.right);
  }

  sides() {
    const panel = (select) => this.panels.find((each) => each.name === select.value);
    return [panel(this.left), panel(this.right)];
  }

  move(at, isHeld) {
    const [left, right] = this.sides();
    if (left === right) return;
    if (this.power === null) {
      this.power = gainOf(left.fader.value) ** 2 + gainOf(right.fader.value) ** 2;
      if (this.power < 0.01) this.power = 1;
    }
    const [leftDb, rightDb] = fadersOf(at, this.power);
    left.fader.show(leftDb);
    right.fader.show(rightDb);
    left.setFader(leftDb, isHeld);
    right.setFader(rightDb, isHeld);
  }

  /** What is told of both decks. */
  show() {
    const [left, right] = this.sides();
    if (!this.fader.held) this.fader.show(crossOf(left.fader.value, right.fader.value));
  }
}
