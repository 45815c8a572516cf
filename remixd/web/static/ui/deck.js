// One deck of the console: what is on it, where it is, and every hand on it.

import { bus, clockOf, h, say, t, tellError } from "./base.js";
import { button, light, slider } from "./controls.js";
import { Place } from "./desk.js";
import { Scroll, beatOf, roleOf, songOf } from "./scroll.js";

const ROLES = ["drums", "bass", "other", "vocals"];
const LOOPS = [0.125, 0.25, 0.5, 1, 2, 4, 8, 16, 32];
const LOOP_FIRST = 5;
const JUMPS = [1, 4, 16];
const NUDGE = 0.02;
const UNBENT_MS = 1000;
const PITCHES = ["C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B"];
const LEVEL = { low: -60, high: 6, rest: 0, step: 0.1, scale: "level" };
const db = (value) => (value <= -60 ? "−∞" : `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(value).toFixed(1)}`);
const enumRole = (role) => `STEM_ROLE_${role.toUpperCase()}`;

/** A deck. `.element` is its panel, `.wave` its waveform for the head of the page. */
export class DeckPanel {
  /** @param {string} name "A" to "D" @param {import("./desk.js").Desk} desk @param {{quantum: function(): string}} more */
  constructor(name, desk, more) {
    Object.assign(this, { name, desk, more, song: null, track: "", place: new Place(), positionS: 0 });
    this.loopAt = LOOP_FIRST;
    this.wave = this.buildWave();
    this.element = h("section", { class: "deck", "data-deck": name, tLabel: "dj.deck", tValues: { name } },
      this.buildHead(), this.buildTransport(), this.buildCues(), this.buildLoop(), this.buildTime(), this.buildStems(),
      this.buildChannel());
    this.element.addEventListener("pointerdown", () => bus.emit("deck-chosen", name), { capture: true });
    this.element.addEventListener("focusin", () => bus.emit("deck-chosen", name));
  }

  /** Do something to this deck. @param {Object} action @param {boolean} isQuantised whether it waits for the beat */
  act(action, isQuantised = false) {
    const at = isQuantised ? this.more.quantum() : "WHEN_NOW";
    return this.desk.act({ deck: this.name, at, ...action });
  }

  move(key, action, isHeld) { this.desk.move(`${this.name}.${key}`, { deck: this.name, ...action }, isHeld); }

  button(id, word, press, more = {}) { return button(`${this.name}.${id}`, word, press, { deck: this.name, ...more }); }

  slider(id, word, more, act) { return slider(`${this.name}.${id}`, word, { deck: this.name, ...more }, act); }

  buildWave() {
    this.canvas = h("canvas", { class: "scroll", role: "img", tLabel: "dj.wave", tValues: { name: this.name } });
    this.scroll = new Scroll(this.canvas, this.name);
    this.phase = h("div", { class: "phase", "aria-hidden": "true" }, ...[0, 1, 2, 3].map(() => h("i")));
    this.phaseWord = h("span", { class: "phase-off fig" });
    return h("div", { class: "wave", "data-deck": this.name },
      h("div", { class: "wave-side" }, h("b", {}, this.name), this.phase, this.phaseWord), this.canvas);
  }

  buildHead() {
    this.title = h("h2", {}, "");
    this.bpm = h("b", { class: "fig" }, "–");
    this.key = h("span", { class: "fig" }, "–");
    this.time = h("span", { class: "fig" }, "0:00");
    this.bar = h("span", { class: "fig" }, "");
    const seek = this.slider("seek", "dj.place", {
      tag: "rx-fader", low: 0, high: 1, step: 0.001, rest: 0, class: "seek",
      format: (at) => clockOf(at * (this.deck?.durationS || 0)),
    }, () => {});
    seek.addEventListener("change", (event) => {
      const lengthS = this.deck?.durationS || 0;
      if (lengthS && Math.abs(event.detail.value * lengthS - this.positionS) > 0.5) {
        this.act({ seek: { positionS: event.detail.value * lengthS } });
      }
    });
    this.seek = seek;
    return h("header", { class: "deck-head" },
      h("span", { class: "deck-name", "aria-hidden": "true" }, this.name),
      h("div", { class: "deck-title" }, this.title, h("p", {}, this.bpm, " bpm · ", this.key)),
      h("div", { class: "deck-time" }, this.time, this.bar), seek);
  }

  buildTransport() {
    const flip = (id, field, action) => this.button(id, `dj.${id}`, () => {
      this.act({ [action]: this.deck[field] ? { off: true } : {} });
    }, { toggles: true, key: FLIP_KEYS[id] });
    this.play = this.button("play", "dj.play", () => this.playOrRest(), { class: "play", toggles: true, key: "Space", sign: "▶" });
    this.cue = this.button("cue", "dj.cue", () => this.toCue(), { key: "C", class: "cue" });
    this.flips = {
      synced: flip("sync", "synced", "sync"), leading: flip("lead", "leading", "lead"),
      keyLocked: flip("keylock", "keyLocked", "keyLock"), slipping: flip("slip", "slipping", "slip"),
      backwards: flip("reverse", "backwards", "reverse"),
    };
    const align = this.button("align", "dj.align", () => this.act({ align: {} }), { key: "B" });
    const eject = this.button("eject", "dj.eject", () => this.act({ eject: {} }), { sign: "⏏", key: "Shift+Backspace" });
    return h("div", { class: "row transport" }, this.play, this.cue, ...Object.values(this.flips), align, eject);
  }

  playOrRest() {
    const playing = this.deck?.state === "DECK_STATE_PLAYING";
    return this.act(playing ? { pause: {} } : { play: {} });
  }

  /** As a player's cue button: while it plays, back to cue 1 and rest; at rest, set cue 1 here. */
  async toCue() {
    const first = (this.deck?.cues || []).find((each) => each.number === 1);
    if (this.deck?.state === "DECK_STATE_PLAYING") {
      await this.act({ pause: {} });
      await this.act({ seek: { positionS: first?.positionS || 0 } });
    } else await this.act({ cue: { number: 1, action: "CUE_ACTION_SET" } });
  }

  buildCues() {
    this.cues = [1, 2, 3, 4, 5, 6, 7, 8].map((number) => {
      const made = this.button(`cue${number}`, "dj.hotcue", () => this.hotCue(number), {
        toggles: true, sign: String(number), values: { number }, key: "QWERTYUI"[number - 1] });
      made.addEventListener("click", (event) => {
        if (!event.shiftKey) return;
        event.stopImmediatePropagation();
        this.clearCue(number);
      }, { capture: true });
      made.addEventListener("contextmenu", (event) => { event.preventDefault(); this.clearCue(number); });
      return made;
    });
    return h("div", { class: "row cues", role: "group", tLabel: "dj.hotcues" }, ...this.cues);
  }

  hotCue(number) {
    const there = (this.deck?.cues || []).some((each) => each.number === number);
    return this.act({ cue: { number, action: there ? "CUE_ACTION_GO" : "CUE_ACTION_SET" } }, true);
  }

  clearCue(number) { return this.act({ cue: { number, action: "CUE_ACTION_CLEAR" } }); }

  buildLoop() {
    this.loopWord = h("span", { class: "fig loop-size" }, "");
    this.loop = this.button("loop", "dj.loop", () => this.loopOrExit(), { toggles: true, key: "L" });
    const half = this.button("half", "dj.half", () => this.scaleLoop(-1), { sign: "÷2", key: "[" });
    const double = this.button("double", "dj.double", () => this.scaleLoop(1), { sign: "×2", key: "]" });
    const jumps = JUMPS.flatMap((beats) => [-beats, beats]).sort((a, b) => a - b).map((beats) => {
      const key = Math.abs(beats) === 4 ? (beats < 0 ? "ArrowLeft" : "ArrowRight")
        : Math.abs(beats) === 16 ? (beats < 0 ? "Shift+ArrowLeft" : "Shift+ArrowRight") : (beats < 0 ? "Alt+ArrowLeft" : "Alt+ArrowRight");
      return this.button(`jump${beats}`, beats < 0 ? "dj.jump-back" : "dj.jump-on", () => this.act({ jump: { lengthBeats: beats } }), {
        sign: beats < 0 ? `‹${-beats}` : `${beats}›`, values: { beats: Math.abs(beats) }, key });
    });
    this.showLoop();
    return h("div", { class: "row loops" }, half, this.loop, double, ...jumps);
  }

  loopOrExit() {
    if (this.deck?.loop) return this.act({ exitLoop: {} });
    return this.act({ loop: { lengthBeats: LOOPS[this.loopAt] } }, true);
  }

  scaleLoop(way) {
    const next = Math.min(Math.max(this.loopAt + way, 0), LOOPS.length - 1);
    if (next === this.loopAt) return;
    this.loopAt = next;
    this.showLoop();
    if (this.deck?.loop) this.act({ scaleLoop: { factor: way < 0 ? 0.5 : 2 } });
  }

  /** A loop that others made or scaled has its size here too. */
  followLoop(deck) {
    const lengthS = deck.loop ? deck.loop.endS - (deck.loop.startS || 0) : 0;
    if (lengthS === this.loopS) return;
    this.loopS = lengthS;
    const beats = (lengthS * deck.bpm) / (deck.tempo || 1) / 60;
    const near = LOOPS.findIndex((each) => Math.abs(each / beats - 1) < 0.1);
    if (near < 0) return;
    this.loopAt = near;
    this.showLoop();
  }

  showLoop() {
    const beats = LOOPS[this.loopAt];
    say(this.loop, "dj.loop", { beats: beats < 1 ? `1/${1 / beats}` : String(beats) });
  }

  buildTime() {
    const percent = (ratio) => `${ratio >= 1 ? "+" : "−"}${Math.abs((ratio - 1) * 100).toFixed(1)} %`;
    this.tempo = this.slider("tempo", "dj.tempo", {
      tag: "rx-fader", low: 0.84, high: 1.16, rest: 1, step: 0.001, format: percent,
    }, (ratio, held) => {
      this.unbent = null;
      this.move("tempo", { tempo: { ratio } }, held);
    });
    this.pitch = this.slider("pitch", "dj.pitch", {
      low: -12, high: 12, rest: 0, step: 1, format: (value) => `${value > 0 ? "+" : ""}${Math.round(value)}`,
    }, (semitones, held) => this.move("pitch", { pitch: { semitones } }, held));
    const bend = (way) => {
      const made = this.button(way < 0 ? "slower" : "faster", way < 0 ? "dj.slower" : "dj.faster", () => {}, {
        sign: way < 0 ? "−" : "+", key: way < 0 ? "," : "." });
      const begin = () => this.bend(way);
      made.addEventListener("pointerdown", begin);
      for (const end of ["pointerup", "pointerleave", "pointercancel", "blur"]) made.addEventListener(end, () => this.bend(0));
      made.addEventListener("keydown", (event) => { if ((event.key === "Enter" || event.key === " ") && !event.repeat) begin(); });
      made.addEventListener("keyup", () => this.bend(0));
      return made;
    };
    return h("div", { class: "row time" }, bend(-1), this.tempo, bend(1), this.pitch);
  }

  /** A push of the hand: a little faster or slower while it lasts. @param {number} way -1, 0 or 1 */
  bend(way) {
    if (way && this.bent === undefined) this.bent = this.tempoUnbent;
    if (this.bent === undefined) return;
    const ratio = this.bent * (1 + way * NUDGE);
    this.move("tempo", { tempo: { ratio } }, () => this.bent !== undefined);
    if (way) return;
    this.unbent = { ratio: this.bent, untilMs: performance.now() + UNBENT_MS };
    this.bent = undefined;
  }

  /** The tempo without pushes: after one the fader still shows it for a while. */
  get tempoUnbent() {
    return this.unbent && performance.now() < this.unbent.untilMs ? this.unbent.ratio : this.tempo.value;
  }

  buildStems() {
    this.stems = ROLES.map((role) => {
      const level = this.slider(`level.${role}`, `dimension.${role}`, {
        tag: "rx-fader", ...LEVEL, orient: "vertical", class: `stem of-${role}`, format: db,
      }, (levelDb, held) => this.move(`level.${role}`, { level: { role: enumRole(role), levelDb } }, held));
      const flip = (id, field, word) => this.button(`${id}.${role}`, word, () => {
        const on = (this.deck?.[field] || []).map(roleOf).includes(role);
        this.act({ [id]: { role: enumRole(role), off: on } });
      }, { toggles: true, sign: id === "mute" ? "M" : "S", values: { role: t(`dimension.${role}`) }, class: `small ${id}`,
        key: `${id === "mute" ? "" : "Shift+"}${5 + ROLES.indexOf(role)}` });
      return { role, level, mute: flip("mute", "muted", "dj.mute"), solo: flip("solo", "soloed", "dj.solo") };
    });
    return h("div", { class: "stems", role: "group", tLabel: "dj.stems" },
      ...this.stems.map(({ role, level, mute, solo }) => h("div", { class: `strip of-${role}` }, level, h("div", { class: "pair" }, mute, solo))),
      this.buildFader());
  }

  buildFader() {
    this.fader = this.slider("fader", "dj.fader", { tag: "rx-fader", ...LEVEL, orient: "vertical", class: "channel", format: db },
      (value, held) => this.setFader(value, held));
    return h("div", { class: "strip channel" }, this.fader);
  }

  /** @param {number} value dB @param {function(): boolean} isHeld */
  setFader(value, isHeld) {
    this.move("fader", { channel: { parameter: "CHANNEL_PARAMETER_FADER", value } }, isHeld);
  }

  buildChannel() {
    const knob = (parameter, more) => this.slider(parameter, `dj.${parameter}`, more, (value, held) => {
      this.move(parameter, { channel: { parameter: `CHANNEL_PARAMETER_${parameter.toUpperCase()}`, value } }, held);
    });
    const filter = { low: -1, high: 1, rest: 0, step: 0.01, format: (value) => (Math.abs(value) < 0.005 ? "–"
      : `${value < 0 ? "LP" : "HP"} ${Math.round(Math.abs(value) * 100)}`) };
    this.knobs = {
      high: knob("high", { ...LEVEL, format: db }), mid: knob("mid", { ...LEVEL, format: db }),
      low: knob("low", { ...LEVEL, format: db }), filter: knob("filter", filter),
      send: knob("send", { low: 0, high: 1, rest: 0, format: (value) => `${Math.round(value * 100)} %` }),
    };
    return h("div", { class: "row channel-knobs" }, ...Object.values(this.knobs));
  }

  /** What is told of it. @param {Object} deck message Deck */
  show(deck) {
    this.deck = deck;
    if ((deck.track || "") !== this.track) this.change(deck.track || "");
    const playing = deck.state === "DECK_STATE_PLAYING";
    light(this.play, playing);
    this.element.classList.toggle("playing", playing);
    this.element.classList.toggle("empty", !deck.track);
    const title = deck.loading ? t("dj.loading") : deck.title || t("dj.empty-deck");
    write(this.title, title);
    this.canvas.setAttribute("aria-label", `${this.name}: ${title}`);
    write(this.bpm, deck.bpm ? deck.bpm.toFixed(1) : "–");
    write(this.key, this.keyWords(deck));
    for (const [field, element] of Object.entries(this.flips)) light(element, deck[field]);
    for (const [index, element] of this.cues.entries()) light(element, (deck.cues || []).some((each) => each.number === index + 1));
    light(this.loop, deck.loop);
    this.followLoop(deck);
    if (this.bent === undefined) this.tempo.show(deck.tempo || 1);
    this.pitch.show(deck.pitchSemitones || 0);
    this.showStems(deck);
    this.fader.show(deck.channel?.fader ?? 0);
    for (const [name, element] of Object.entries(this.knobs)) element.show(deck.channel?.[name] ?? 0);
  }

  showStems(deck) {
    const muted = (deck.muted || []).map(roleOf);
    const soloed = (deck.soloed || []).map(roleOf);
    for (const { role, level, mute, solo } of this.stems) {
      const there = deck.levelsDb && role in deck.levelsDb;
      level.toggleAttribute("disabled", !there);
      mute.disabled = solo.disabled = !there;
      if (there) level.show(deck.levelsDb[role]);
      light(mute, muted.includes(role));
      light(solo, soloed.includes(role));
    }
  }

  /** The key as it is heard: the song's, moved by the pitch. */
  keyWords(deck) {
    const key = this.song?.track.analysis?.key;
    if (!key) return "–";
    const [tonic, mode] = key.split(" ");
    const names = { "Db": "C♯", "D#": "E♭", "Gb": "F♯", "G#": "A♭", "A#": "B♭" };
    const plain = names[tonic] || tonic.replace("#", "♯").replace("b", "♭");
    const from = PITCHES.indexOf(plain);
    if (from < 0) return key;
    const shift = deck.keyLocked === false ? 12 * Math.log2(deck.tempo || 1) : 0;
    const to = ((from + Math.round((deck.pitchSemitones || 0) + shift)) % 12 + 12) % 12;
    return `${PITCHES[to]}${mode === "minor" ? "m" : ""}`;
  }

  async change(track) {
    this.track = track;
    this.song = null;
    this.place.at = null;
    this.scroll.show(null);
    if (!track) return;
    try {
      const song = await songOf(track);
      if (this.track !== track) return;
      this.song = song;
      this.scroll.show(song);
    } catch (error) { tellError(error); }
  }

  /** One frame. @param {number} nowMs @param {number} behindS @param {{phase: number}|null} leader */
  draw(nowMs, behindS, leader) {
    if (!this.deck) return;
    this.positionS = this.place.read(this.deck, this.desk.gotMs, behindS, nowMs);
    this.scroll.draw(this.deck, this.positionS);
    const lengthS = this.deck.durationS || 0;
    const second = Math.floor(this.positionS);
    if (second !== this.second || lengthS !== this.lengthS) {
      Object.assign(this, { second, lengthS });
      write(this.time, lengthS ? `−${clockOf(lengthS - this.positionS)}` : "–");
      this.seek.show(lengthS ? this.positionS / lengthS : 0);
    }
    write(this.bar, this.deck.barBeat ? this.deck.barBeat.split(".")[0] : "");
    this.drawPhase(leader);
  }

  drawPhase(leader) {
    const beat = this.deck.state === "DECK_STATE_PLAYING" ? beatOf(this.song, this.positionS) : null;
    this.beat = beat;
    const lit = beat ? Number(this.deck.barBeat?.split(":")[1]?.[0] || 1) - 1 : -1;
    if (lit !== this.lit) {
      this.lit = lit;
      for (const [index, lamp] of [...this.phase.children].entries()) lamp.classList.toggle("on", index === lit % 4);
    }
    if (!beat || !leader) {
      write(this.phaseWord, "");
      return;
    }
    let off = beat.phase - leader.phase;
    off -= Math.round(off);
    const smooth = this.off === undefined || Math.abs(off - this.off) > 0.3 ? off : this.off + (off - this.off) * 0.1;
    this.off = smooth;
    write(this.phaseWord, `${smooth < 0 ? "−" : "+"}${Math.abs(Math.round(smooth * 100))}`);
    this.phaseWord.classList.toggle("wide", Math.abs(smooth) > 0.06);
  }
}

const FLIP_KEYS = { sync: "S", lead: "D", keylock: "K", slip: "P", reverse: "V" };

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
