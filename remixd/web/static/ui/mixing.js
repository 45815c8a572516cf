// What is done to the session as a whole: ways to go over, stingers, presets, the master's meters.

import { h, remixd, say, t, tell, tellError } from "./base.js";
import { button } from "./controls.js";

const HOWS = ["UNSPECIFIED", "CROSSFADE", "BASS_SWAP", "STEM_SWAP", "ECHO_OUT", "CUT"];
const BARS = [0, 4, 8, 16, 32];
const QUANTA = ["WHEN_NOW", "WHEN_BEAT", "WHEN_BAR", "WHEN_PHRASE"];
const STINGERS = { RISER: "9", IMPACT: "0", CHOP: "-" };

const pick = (word, values, words, first = 0) => h("label", { class: "pick" }, h("span", { t: word }),
  h("select", {}, ...values.map((value, index) => h("option", { value, selected: index === first, t: words(value) }))));
const picked = (label) => label.querySelector("select").value;

/** Ways to go over, stingers and presets. */
export class MixPanel {
  /** @param {import("./desk.js").Desk} desk @param {function(): Object} chosen the deck panel of now */
  constructor(desk, chosen) {
    Object.assign(this, { desk, chosen });
    this.to = h("label", { class: "pick" }, h("span", { t: "dj.mix-to" }), h("select", {}, ...["A", "B", "C", "D"].map((name) => (
      h("option", { value: name, selected: name === "B" }, name)))));
    this.how = pick("dj.mix-how", HOWS, (value) => `dj.how.${value}`);
    this.bars = h("label", { class: "pick" }, h("span", { t: "dj.mix-bars" }), h("select", {}, ...BARS.map((bars) => (
      h("option", { value: bars }, bars ? String(bars) : t("dj.as-rules"))))));
    this.quantum = pick("dj.quantum", QUANTA, (value) => `dj.${value}`, 1);
    this.presets = h("label", { class: "pick" }, h("span", { t: "dj.preset" }), h("select", {}));
    const stingers = Object.entries(STINGERS).map(([kind, key]) => button(`sting.${kind}`, `dj.sting.${kind}`, () => (
      this.chosen().act({ stinger: { kind: `STINGER_KIND_${kind}` }, at: "WHEN_BAR" })), { key }));
    this.element = h("section", { class: "mixing", tLabel: "dj.mixing" }, h("h2", { t: "dj.mixing" }),
      h("div", { class: "row" }, this.to, this.how, this.bars, button("mix", "dj.mix", () => this.mix(), { key: "Shift+M", class: "strong" })),
      h("div", { class: "row" }, ...stingers, this.quantum),
      h("div", { class: "row" }, this.presets, button("preset", "dj.preset-pick", () => this.preset(), {})));
    this.list();
  }

  mix() {
    const to = picked(this.to);
    if (to === this.chosen().name) return tell(t("dj.mix-same"), true);
    const how = picked(this.how);
    return this.chosen().act({ mix: { to, how: `MIX_HOW_${how}`, lengthBars: Number(picked(this.bars)) }, at: "WHEN_UNSPECIFIED" });
  }

  async list() {
    try {
      const found = await remixd.presets.list();
      this.presets.querySelector("select").replaceChildren(...found.map((each) => h("option", { value: each.name }, each.title || each.name)));
    } catch (error) { tellError(error); }
  }

  async preset() {
    try {
      const answer = await remixd.presets.pick(this.desk.session, { [picked(this.presets)]: 1 });
      if (!answer.accepted) tell(answer.reason, true);
      for (const each of answer.clamps || []) tell(each.because);
    } catch (error) { tellError(error); }
  }
}

/** The master's meters. */
export class Master {
  constructor() {
    const row = (name) => h("div", { class: "meter", role: "meter", tLabel: `dj.meter.${name}`, "aria-valuemin": "-60", "aria-valuemax": "3",
      "aria-valuenow": "-60" }, h("span", { t: `dj.meter.${name}` }), h("i", {}), h("b", { class: "fig" }, "–"));
    this.peak = row("peak");
    this.loud = row("loudness");
    this.limiter = row("limiter");
    this.headroom = h("p", { class: "fig" });
    this.late = h("p", { class: "fig" });
    this.element = h("section", { class: "master", tLabel: "dj.master" }, this.peak, this.loud, this.limiter,
      h("div", { class: "row told" }, this.headroom, this.late));
  }

  /** @param {Object} session message Session */
  show(session) {
    const put = (meter, value, share, text) => {
      meter.style.setProperty("--at", String(Math.min(Math.max(share, 0), 1)));
      meter.setAttribute("aria-valuenow", String(Math.round(value)));
      const word = meter.querySelector("b");
      if (word.textContent !== text) word.textContent = text;
    };
    const peak = session.truePeakDb ?? -120;
    const loud = session.shortTermLufs ?? -120;
    const limiter = session.limiterDb ?? 0;
    put(this.peak, peak, (peak + 60) / 63, peak <= -100 ? "−∞" : peak.toFixed(1));
    put(this.loud, loud, (loud + 60) / 60, loud <= -100 ? "−∞" : `${loud.toFixed(1)} LUFS`);
    put(this.limiter, limiter, -limiter / 12, `${limiter.toFixed(1)} dB`);
    this.peak.classList.toggle("hot", peak > -1);
    say(this.headroom, "dj.headroom", { db: peak <= -100 ? "–" : Math.max(0, -peak).toFixed(1) });
    const late = session.underruns || 0;
    say(this.late, session.degraded ? "dj.degraded" : "dj.late", { count: late, told: session.degraded || "" });
    this.late.classList.toggle("wrong", late > 0 || Boolean(session.degraded));
  }
}
