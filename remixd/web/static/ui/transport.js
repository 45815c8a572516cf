// The head of what plays: title, play and pause, let it flow, volume, panic, and how the sound is.

import { bus, h, keep, kept, say, t } from "./base.js";

const FORMATS = { auto: "", opus: "SAMPLE_FORMAT_OPUS", pcm: "SAMPLE_FORMAT_F32" };
const FORMAT_KEY = "remixd-format";
const FLOW_KEY = "remixd-flow";

/** Controls of one player; `acts` has pause(), end(), panic(), flow(on), format(), hear(). */
export class Transport {
  constructor(sound, acts, exporter) {
    this.sound = sound;
    this.title = h("h1", {});
    this.artist = h("p", { class: "artist" });
    this.facts = h("p", { class: "facts" });
    this.time = h("span", { class: "time" });
    this.bar = h("span", { class: "bar-beat" });
    this.pause = h("button", { type: "button", class: "round", tLabel: "pause", onclick: () => acts.pause() }, glyph("pause"));
    this.blocked = h("button", { type: "button", class: "loud", t: "sound-on", hidden: true, onclick: () => acts.hear() });
    this.flow = h("input", { type: "checkbox", role: "switch", id: "flow", onchange: () => {
      keep("local", FLOW_KEY, this.flow.checked ? "1" : "");
      acts.flow(this.flow.checked);
    } });
    this.flow.checked = kept("local", FLOW_KEY) === "1";
    this.volume = h("rx-fader", { class: "volume", label: t("volume"), min: -60, max: 6, rest: 0, value: 0, step: 0.5,
      scale: "level", unit: "dB" });
    this.volume.addEventListener("input", ({ detail }) => acts.volume(detail.value));
    this.format = h("select", { tLabel: "format", onchange: () => {
      keep("local", FORMAT_KEY, this.format.value);
      acts.format();
    } }, Object.keys(FORMATS).map((name) => h("option", { value: name, t: `format.${name}` })));
    this.format.value = kept("local", FORMAT_KEY) || "auto";
    this.meters = Object.fromEntries(["delay", "buffer", "jitter", "gaps", "loudness"].map((name) => [name, h("dd", {}, "–")]));
    this.element = h("section", { class: "deck panel" },
      h("div", { class: "now" },
        h("div", { class: "who" }, this.title, this.artist, this.facts),
        h("div", { class: "clockwork" }, this.time, this.bar)),
      h("div", { class: "row transport" },
        this.pause, this.blocked,
        h("label", { class: "switch", for: "flow" }, this.flow, h("span", { class: "slot", "aria-hidden": "true" }),
          h("span", { t: "flow" })),
        this.volume,
        h("span", { class: "grow" }),
        h("button", { type: "button", class: "plain", t: "panic", onclick: () => acts.panic() }),
        exporter.button,
        h("button", { type: "button", class: "plain", t: "stop", onclick: () => acts.end() })));
    this.health = h("section", { class: "health", tLabel: "sound" },
      h("dl", {}, Object.entries(this.meters).map(([name, value]) => h("div", {}, h("dt", { t: `sound.${name}` }), value))),
      h("label", { class: "format" }, h("span", { t: "format" }), this.format));
    bus.on("language", () => this.volume.setAttribute("label", t("volume")));
    bus.on("sound", (state) => this.measure(state));
  }

  /** @returns {string} how sound is wished, as a value of ENUMS.SampleFormat; "" for the best */
  get wanted() { return FORMATS[this.format.value] ?? ""; }

  /** @param {Object} track in full, or its summary */
  show(track) {
    this.title.textContent = track.title || track.id;
    this.artist.textContent = track.artist || "";
    const { bpm, key, metre } = track.analysis || track;
    this.facts.replaceChildren(...[bpm ? `${Math.round(bpm)} bpm` : "", key || "", metre || ""].filter(Boolean)
      .map((fact) => h("span", {}, fact)));
  }

  /** @param {boolean} rests whether the music rests @param {boolean} canRest whether a hand may stop it */
  resting(rests, canRest) {
    const name = rests ? "play" : "pause";
    this.pause.dataset.tLabel = name;
    this.pause.setAttribute("aria-label", t(name));
    this.pause.replaceChildren(glyph(name));
    this.pause.disabled = !canRest;
  }

  measure(state) {
    this.blocked.hidden = !this.sound.isBlocked;
    const ms = (value) => `${Math.round(value)} ms`;
    const delay = this.sound.delayMs;
    this.put("delay", delay === null ? "–" : ms(delay));
    this.put("buffer", ms(state.bufferMs));
    this.put("jitter", ms(state.jitterMs));
    this.put("gaps", String(state.underruns + state.gaps));
  }

  put(name, text) {
    if (this.meters[name].textContent !== text) this.meters[name].textContent = text;
  }

  /** @param {Object} status of the session */
  status(status) {
    const lufs = status.shortTermLufs;
    this.put("loudness", lufs > -119 ? `${lufs.toFixed(1)} LUFS` : "–");
  }

  say(key) { say(this.title, key); }
}

const PATHS = { play: "M8 5v14l11-7z", pause: "M7 5h4v14H7zM13 5h4v14h-4z" };

function glyph(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}
