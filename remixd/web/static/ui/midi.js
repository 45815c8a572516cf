// MIDI: two maps that come with it, and others that are learnt; kept in this browser.

import { bus, h, keep, kept, say, t, tell } from "./base.js";
import { controls } from "./controls.js";

const KEY = "remixd-midi";
const NEAR = 0.04;
const DECKS = ["A", "B", "C", "D"];
const rows = (make) => Object.fromEntries(DECKS.flatMap((deck, index) => make(deck, index)));

/** Maps by the names that the controllers have as ports. Keys are kind:channel:number, as the bytes have them. */
const BUNDLED = [
  {
    // Korg nanoKONTROL2 in CC mode, as it leaves the factory: sliders 0-7, knobs 16-23, S 32-39, M 48-55, R 64-71.
    name: "Korg nanoKONTROL2", port: /nanoKONTROL2/i,
    map: rows((deck, index) => [
      [`cc:0:${index}`, `${deck}.fader`], [`cc:0:${4 + index}`, `${deck}.tempo`],
      [`cc:0:${16 + index}`, `${deck}.filter`], [`cc:0:${20 + index}`, `${deck}.low`],
      [`cc:0:${32 + index}`, `${deck}.sync`], [`cc:0:${36 + index}`, `${deck}.cue1`],
      [`cc:0:${48 + index}`, `${deck}.loop`], [`cc:0:${52 + index}`, `${deck}.mute.vocals`],
      [`cc:0:${64 + index}`, `${deck}.play`], [`cc:0:${68 + index}`, `${deck}.cue`],
    ]),
  },
  {
    // Akai APC mini, the first one: pads are notes 0-63 from the lower left, faders CC 48-56.
    name: "Akai APC mini", port: /APC MINI/i,
    map: {
      "cc:0:56": "cross",
      ...rows((deck, index) => {
        const upper = (7 - 2 * index) * 8;
        const lower = upper - 8;
        const hands = ["play", "cue", "sync", "loop", "half", "double", "mute.drums", "mute.vocals"];
        return [
          [`cc:0:${48 + index}`, `${deck}.fader`], [`cc:0:${52 + index}`, `${deck}.low`],
          ...[1, 2, 3, 4, 5, 6, 7, 8].map((number) => [`note:0:${upper + number - 1}`, `${deck}.cue${number}`]),
          ...hands.map((id, at) => [`note:0:${lower + at}`, `${deck}.${id}`]),
        ];
      }),
    },
  },
];

/** What is plugged in, and what it moves. */
export class Midi {
  constructor() {
    this.learning = "";
    this.taken = new Map();
    this.learnt = read();
    this.word = h("p", { role: "status", t: "midi.off" });
    this.start = h("button", { type: "button", t: "midi.start", onclick: () => this.open() });
    this.learn = h("button", { type: "button", t: "midi.learn", "aria-pressed": "false", onclick: () => this.toggle() });
    this.forget = h("button", { type: "button", t: "midi.forget", onclick: () => this.drop() });
    this.list = h("ul", { class: "midi-list" });
    this.element = h("section", { class: "midi", tLabel: "midi" }, h("h2", { t: "midi" }), this.word,
      h("div", { class: "row" }, this.start, this.learn, this.forget), this.list);
    document.addEventListener("focusin", (event) => this.choose(event.target));
    document.addEventListener("pointerdown", (event) => this.choose(event.target), { capture: true });
  }

  async open() {
    if (!navigator.requestMIDIAccess) return say(this.word, "midi.none");
    try {
      this.access = await navigator.requestMIDIAccess();
    } catch (error) {
      return say(this.word, "midi.refused", { told: error.message });
    }
    this.access.onstatechange = () => this.plug();
    this.plug();
    return undefined;
  }

  plug() {
    const inputs = [...this.access.inputs.values()];
    for (const input of inputs) input.onmidimessage = (event) => this.take(event.data, input.name || "");
    const names = inputs.map((each) => each.name + (mapOf(each.name) ? ` (${mapOf(each.name).name})` : "")).join(", ");
    if (names) say(this.word, "midi.on", { names });
    else say(this.word, "midi.empty");
  }

  /** One message. @param {Uint8Array} data @param {string} port */
  take(data, port) {
    const [status, number, value = 0] = data;
    const kind = { 0x80: "off", 0x90: "note", 0xb0: "cc" }[status & 0xf0];
    if (!kind || kind === "off" || (kind === "note" && value === 0)) return;
    const key = `${kind}:${status & 0x0f}:${number}`;
    if (this.learning) return this.keepLearnt(port, key);
    const id = this.learnt[port]?.[key] || mapOf(port)?.map[key];
    const control = id && controls.get(id);
    if (control) this.move(control, kind, value, `${port} ${key}`);
    return undefined;
  }

  move(control, kind, value, place) {
    if (control.kind === "button") {
      const isDown = value > 0;
      const was = this.taken.get(place);
      this.taken.set(place, isDown);
      if (kind === "note" || (isDown && !was)) control.press();
      return;
    }
    const at = value / 127;
    const now = control.read();
    const before = this.taken.get(place);
    this.taken.set(place, at);
    const crossed = before !== undefined && (before - now) * (at - now) <= 0;
    const follows = control.element.held || Math.abs(at - now) < NEAR || crossed;
    if (follows) control.move(at);
  }

  toggle(on = this.learn.getAttribute("aria-pressed") !== "true") {
    this.learn.setAttribute("aria-pressed", String(on));
    document.body.classList.toggle("learning", on);
    this.learning = "";
    this.isLearning = on;
    say(this.word, on ? "midi.touch" : this.access ? "midi.ready" : "midi.off");
    if (on && !this.access) this.open().then(() => this.isLearning && this.access && say(this.word, "midi.touch"));
  }

  choose(target) {
    if (!this.isLearning) return;
    const id = target.closest?.("[data-control]")?.dataset.control;
    if (!id) return;
    this.learning = id;
    say(this.word, "midi.turn", { control: controls.get(id).words() });
  }

  keepLearnt(port, key) {
    this.learnt[port] = { ...this.learnt[port], [key]: this.learning };
    keep("local", KEY, JSON.stringify(this.learnt));
    tell(t("midi.learnt", { control: controls.get(this.learning).words() }));
    bus.emit("midi-learnt", this.learning);
    this.toggle(false);
    this.show();
  }

  drop() {
    this.learnt = {};
    keep("local", KEY, "");
    this.show();
  }

  show() {
    const lines = Object.entries(this.learnt).flatMap(([port, map]) => Object.entries(map).map(([key, id]) => (
      h("li", {}, `${port} ${key} → ${controls.get(id)?.words() || id}`))));
    this.list.replaceChildren(...lines);
  }
}

const mapOf = (port) => BUNDLED.find((each) => each.port.test(port || ""));

function read() {
  try {
    const told = JSON.parse(kept("local", KEY) || "{}");
    return told && typeof told === "object" && !Array.isArray(told) ? told : {};
  } catch { return {}; }
}
