// Presets: a tap goes to one, the sliders blend several.

import { h, remixd, tell, tellError, t } from "./base.js";
import "./knobs.js";

const SEND_MS = 120;

/** The presets of the daemon, for the session that `session()` names. */
export class Presets {
  constructor(session) {
    this.session = session;
    this.weights = {};
    this.rows = new Map();
    this.chips = h("div", { class: "chips", role: "group", tLabel: "presets" });
    this.blend = h("div", { class: "blend" });
    this.element = h("section", { class: "panel presets" },
      h("h2", { t: "presets" }), this.chips,
      h("details", {}, h("summary", { t: "presets.blend" }), this.blend));
  }

  async load() {
    try {
      this.all = (await remixd.presets.list()).filter((each) => each.name !== "original");
    } catch (error) {
      tellError(error);
      return;
    }
    this.chips.replaceChildren(this.chip("original", t("presets.original")),
      ...this.all.map((each) => this.chip(each.name, each.title, each.description)));
    this.chips.firstChild.dataset.t = "presets.original";
    this.blend.replaceChildren(...this.all.map((each) => this.slider(each)));
    this.mark();
  }

  chip(name, title, description = "") {
    return h("button", { class: "chip", type: "button", "data-preset": name, "aria-pressed": "false", title: description,
      onclick: () => this.pick(name) }, title);
  }

  slider(preset) {
    const fader = h("rx-fader", { label: preset.title, min: 0, max: 1, rest: 0, value: 0, step: 0.01 });
    fader.format = (value) => `${Math.round(value * 100)} %`;
    fader.addEventListener("input", ({ detail }) => {
      if (detail.value > 0) this.weights[preset.name] = detail.value;
      else delete this.weights[preset.name];
      this.soon();
    });
    this.rows.set(preset.name, fader);
    return fader;
  }

  pick(name) {
    this.weights = name === "original" ? {} : { [name]: 1 };
    for (const [each, fader] of this.rows) fader.value = this.weights[each] || 0;
    this.send();
  }

  soon() {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.send();
    }, SEND_MS);
  }

  async send() {
    this.mark();
    const session = this.session();
    if (!session) return;
    const weights = Object.keys(this.weights).length ? this.weights : { original: 1 };
    try {
      const answer = await remixd.presets.pick(session, weights);
      if (!answer.accepted) tell(t("refused", { reason: answer.reason }), true);
      else if (answer.because?.includes("phrase")) tell(t("presets.next"));
    } catch (error) {
      tellError(error);
    }
  }

  /** What the session stands in. @param {Object} weights */
  show(weights = {}) {
    const isHeld = [...this.rows.values()].some((each) => each.held);
    if (isHeld || this.timer) return;
    this.weights = Object.fromEntries(Object.entries(weights).filter(([name, each]) => name !== "original" && each > 0));
    for (const [name, fader] of this.rows) fader.show(this.weights[name] || 0);
    this.mark();
  }

  mark() {
    const none = !Object.keys(this.weights).length;
    for (const chip of this.chips.children) {
      const name = chip.dataset.preset;
      const on = name === "original" ? none : (this.weights[name] || 0) > 0;
      chip.setAttribute("aria-pressed", String(on));
    }
  }
}
