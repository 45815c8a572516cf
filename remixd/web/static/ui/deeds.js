// What a listener does beside moving the mix: feel, say, choose a language, export.

import { bus, clockOf, h, fanId, remixd, say, t, tell, tellError } from "./base.js";
import { newId } from "../remixd.js";

const FEELINGS = ["like", "dislike", "better", "worse", "skip"];
const SIGNS = { like: "♥", dislike: "✕", better: "▲", worse: "▼", skip: "»" };

/** Buttons and a line for what is felt. `session()` names the session; `onSkip()` may go on to another song. */
export class Feelings {
  constructor(session, { onSkip, onTold }) {
    this.session = session;
    this.onSkip = onSkip;
    this.onTold = onTold;
    this.line = h("input", { type: "text", maxlength: 200, tLabel: "feel.say", tHint: "feel.say", class: "wide" });
    this.languages = h("div", { class: "chips languages", role: "group", tLabel: "language", hidden: true });
    this.element = h("section", { class: "panel feel" },
      h("h2", { t: "feel" }),
      h("div", { class: "feelings" }, FEELINGS.map((name) => h("button", { type: "button", class: `feeling ${name}`,
        onclick: () => this.react(name) }, h("span", { class: "sign", "aria-hidden": "true" }, SIGNS[name]),
        h("span", { t: `feel.${name}` })))),
      h("form", { class: "say", onsubmit: (event) => this.speak(event) }, this.line,
        h("button", { type: "submit", class: "plain", t: "feel.send" })),
      this.languages);
  }

  async send(signal) {
    const session = this.session();
    if (!session) return null;
    const fan = fanId();
    try {
      const told = await remixd.call("Audience/SendSignals", { session, signals: [{ id: newId(), fan, ...signal }] });
      const [answer] = told.answers;
      if (answer.accepted) tell(answer.understood || answer.because || t("feel.heard"));
      else tell(t("refused", { reason: answer.reason }), true);
      this.onTold();
      return answer;
    } catch (error) {
      tellError(error);
      return null;
    }
  }

  async react(name) {
    const answer = await this.send({ reaction: `REACTION_${name.toUpperCase()}` });
    if (name === "skip" && answer?.accepted) this.onSkip();
  }

  async speak(event) {
    event.preventDefault();
    const text = this.line.value.trim();
    if (text && (await this.send({ text }))?.accepted) this.line.value = "";
  }

  /** Offer the languages that a track is sung in, where there are several. */
  offer(track) {
    const sung = track.stems.filter((each) => each.role === "STEM_ROLE_VOCALS" && each.language);
    const codes = [...new Set(sung.map((each) => each.language))];
    const now = sung.find((each) => each.plays)?.language;
    this.languages.hidden = codes.length < 2;
    this.languages.replaceChildren(...codes.map((code) => h("button", { class: "chip", type: "button", lang: code,
      "aria-pressed": String(code === now), onclick: (event) => this.choose(code, event.currentTarget) }, nameOf(code))));
  }

  async choose(code, button) {
    const answer = await this.send({ choices: { language: code } });
    if (!answer?.accepted) return;
    for (const each of this.languages.children) each.setAttribute("aria-pressed", String(each === button));
  }
}

/** What a language calls itself. */
function nameOf(code) {
  try {
    return new Intl.DisplayNames([code], { type: "language" }).of(code);
  } catch {
    return code;
  }
}

/** The button that keeps what one hears, as a WAV file, where rights let it leave. */
export class Export {
  constructor(sound, session) {
    this.sound = sound;
    this.session = session;
    this.button = h("button", { type: "button", class: "plain record", onclick: () => this.press() });
    say(this.button, "record");
    bus.on("language", () => this.draw());
  }

  /** @param {Object} track in full */
  offer(track) {
    this.track = track;
    this.isAllowed = (track.rights?.export || "free") !== "no";
    this.button.setAttribute("aria-disabled", String(!this.isAllowed));
    this.button.title = this.isAllowed ? "" : t("record.no");
  }

  press() {
    if (!this.isAllowed) tell(t("record.no"), true);
    else if (this.startMs) this.end();
    else this.begin();
  }

  begin() {
    if (!this.session()) return;
    this.sound.record(this.session());
    this.startMs = performance.now();
    this.timer = setInterval(() => this.draw(), 1000);
    this.draw();
    tell(t("record.on"));
  }

  draw() {
    this.button.classList.toggle("on", Boolean(this.startMs));
    const time = clockOf((performance.now() - this.startMs) / 1000);
    if (this.startMs) say(this.button, "record.end", { time });
    else say(this.button, "record");
  }

  /** Save what there is, if anything is being kept. */
  async end() {
    if (!this.startMs) return;
    this.startMs = 0;
    clearInterval(this.timer);
    this.draw();
    const { blob, seconds } = await this.sound.recordEnd();
    if (!seconds) return;
    const address = URL.createObjectURL(blob);
    const name = `${(this.track.title || "remix").replace(/[^\p{L}\p{N} _-]/gu, "")} (remix).wav`;
    h("a", { href: address, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60000);
    const mustCredit = this.track.rights?.export === "with-credit" && this.track.artist;
    tell(mustCredit ? t("record.credit", { artist: this.track.artist }) : t("record.done"));
  }
}
