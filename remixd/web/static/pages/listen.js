// Listen and nudge: a library, one click to play, and a mix that answers.

import { bus, clockOf, connected, fanId, h, hold, keep, kept, remixd, say, t, tell, tellError } from "../ui/base.js";
import { newId } from "../remixd.js";
import { frame } from "../ui/frame.js";
import { Sound } from "../ui/audio.js";
import { Hand } from "../ui/hand.js";
import { Library } from "../ui/library.js";
import { DIMENSIONS, gainOf, Mixer } from "../ui/mixer.js";
import { Presets } from "../ui/presets.js";
import { Why } from "../ui/why.js";
import { Export, Feelings } from "../ui/deeds.js";
import { Transport } from "../ui/transport.js";
import { LANE_PX } from "../ui/lanes.js";

const SESSION_KEY = "remixd-session";
const COLUMNS = 2048;
const CLOCK_MS = 100;
const PATIENCE_MS = 600;

/** The page: one session at a time. */
class Page {
  constructor() {
    this.session = "";
    this.turn = 0;
    this.rests = false;
    this.sound = new Sound();
    this.library = new Library((track) => this.start(track));
    const now = () => this.session;
    this.why = new Why(now, fanId());
    this.presets = new Presets(now);
    this.feelings = new Feelings(now, { onSkip: () => this.skip(), onTold: () => this.why.soon() });
    this.exporter = new Export(this.sound, now);
    this.transport = new Transport(this.sound, {
      pause: () => this.pause(), end: () => this.end(), panic: () => this.panic(), flow: () => this.again(),
      format: () => this.session && this.sound.listen(this.session, this.transport.wanted),
      hear: () => this.sound.open(), volume: (db) => { if (this.sound.volume) this.sound.volume.gain.value = gainOf(db); },
    }, this.exporter);
    this.mixer = new Mixer({
      onWish: (name, value, atMs) => this.wish(name, value, atMs), onRest: (name) => this.hand?.letGo(name) });
    this.lanes = h("rx-lanes", {});
    this.lanes.position = () => this.positionS;
    this.lanes.addEventListener("seek", ({ detail }) => this.seek(detail.positionS));
    this.build();
    this.follow();
  }

  build() {
    const zoom = (by, key, sign) => h("button", { type: "button", class: "zoom", tLabel: key,
      onclick: () => this.lanes.magnify(by) }, sign);
    this.strips = h("div", { class: "strips" });
    this.patience = h("p", { class: "patience", role: "status", hidden: true });
    this.stage = h("div", { class: "stage", hidden: true },
      this.transport.element,
      h("section", { class: "panel song-view", tLabel: "mix" },
        h("div", { class: "zooms" }, zoom(-1, "zoom.out", "−"), zoom(1, "zoom.in", "+")),
        this.strips, this.lanes, this.patience),
      h("div", { class: "grid" },
        h("section", { class: "panel tone" }, h("h2", { t: "tone" }), this.mixer.knobs()),
        h("section", { class: "panel two" }, h("h2", { t: "pad" }),
          h("div", { class: "axes" }, this.mixer.choosers), this.mixer.pad),
        this.feelings.element, this.presets.element, this.why.element),
      this.transport.health);
    this.intro = h("h1", { class: "intro", t: "library.intro" });
    this.main = frame("listen", h("div", { class: "listen" },
      h("div", { class: "side" }, this.intro, this.library.element), this.stage));
  }

  follow() {
    bus.on("sound-ended", () => this.over());
    bus.on("sound-failed", (failed) => (failed.isOver ? this.over() : failed.code === "DECODER" && tellError(failed)));
    bus.on("undone", () => this.mixer.forget());
    setInterval(() => this.tick(), CLOCK_MS);
    addEventListener("pagehide", () => this.leave());
    addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
    addEventListener("keydown", (event) => this.press(event));
  }

  async begin() {
    await connected();
    this.library.load();
    this.presets.load();
    await this.comeBack();
  }

  /** Go on with the session of before a reload, if it is still there. */
  async comeBack() {
    const [session, track, flows] = kept("session", SESSION_KEY).split(" ");
    if (!session) return;
    const answer = await hold(session, true);
    if (!answer.ok) {
      keep("session", SESSION_KEY, "");
      return;
    }
    this.transport.flow.checked = flows === "1";
    await this.enter(session, track, this.turn += 1);
  }

  /** Play a song: in one click. */
  async start(summary, atS = 0, wishes = {}) {
    const mine = this.turn += 1;
    const opening = this.sound.open();
    const flows = this.transport.flow.checked;
    this.reveal(summary);
    this.wait(mine);
    const mode = flows ? "SESSION_MODE_DIRECTED" : "SESSION_MODE_HANDS_ON";
    const making = remixd.sessions.create(summary.id, { mode, sink: "stream", requestId: newId() });
    try {
      const [made] = await Promise.all([making, opening, this.leaveSession()]);
      if (mine !== this.turn) {
        remixd.sessions.delete(made.id).catch(() => {});
        return;
      }
      hold(made.id, true).catch(() => {});
      await this.enter(made.id, summary.id, mine);
      if (atS > 0 && !flows) await this.seek(atS);
      for (const [name, value] of Object.entries(wishes)) this.wish(name, value);
    } catch (error) {
      if (mine === this.turn) this.over(false);
      tellError(error);
      making.then((made) => remixd.sessions.delete(made.id)).catch(() => {});
    }
  }

  /** A song that was never played takes a while: say so, until it is heard. */
  wait(mine) {
    this.patience.hidden = true;
    setTimeout(() => {
      if (mine !== this.turn || this.sound.state?.isPlaying || this.sound.isBlocked) return;
      say(this.patience, "preparing");
      this.patience.hidden = false;
    }, PATIENCE_MS);
  }

  reveal(track) {
    this.stage.hidden = false;
    this.intro.hidden = true;
    document.body.classList.add("playing");
    this.transport.show(track);
    document.title = `${track.title || track.id} – remixd`;
  }

  async enter(session, track, mine) {
    this.session = session;
    this.track = null;
    this.rests = false;
    this.flows = this.transport.flow.checked;
    keep("session", SESSION_KEY, `${session} ${track} ${this.flows ? 1 : ""}`);
    this.mixer.forget();
    this.hand = new Hand(session, fanId(), {
      onSend: (id, atMs) => this.sound.expect(id, atMs), onAnswer: (answer) => this.answered(answer) });
    const hearing = this.sound.listen(session, this.transport.wanted);
    this.watch(session, mine);
    this.library.mark(track);
    this.transport.resting(false, !this.flows);
    await hearing;
    await this.describe(track, mine);
    this.lanes.run();
    this.why.soon();
  }

  async describe(id, mine) {
    const track = await remixd.tracks.get(id);
    if (mine !== this.turn) return;
    this.track = track;
    this.reveal(track);
    this.mixer.limit(track.rights);
    this.feelings.offer(track);
    this.exporter.offer(track);
    this.lanes.load(track, null);
    this.strips.replaceChildren(...this.lanes.lanes.map(({ role }) => this.mixer.controls[role]));
    this.strips.style.setProperty("--lane", `${LANE_PX}px`);
    const overview = await remixd.call("Tracks/GetOverview", { track: id, columns: COLUMNS });
    if (mine === this.turn) this.lanes.load(track, overview);
  }

  async watch(session, mine) {
    try {
      for await (const event of remixd.watch(session)) {
        if (mine !== this.turn) return;
        if (event.status) this.status(event.status);
        else if (event.applied) {
          this.sound.applied(event.applied.id, event.applied.sample);
          this.why.soon();
        } else if (event.refused) tell(t("refused", { reason: event.refused.reason }), true);
        else if (event.resumed) this.hand?.again();
      }
    } catch (error) {
      if (mine === this.turn && error.code !== "NOT_FOUND") tellError(error);
    }
    if (mine === this.turn) this.over();
  }

  status(status) {
    this.mixer.show(status.mix || {}, this.flows);
    this.transport.status(status);
    this.lanes.level(this.mixer.gains);
    this.presets.show(status.presetWeights);
    const deck = status.decks?.find((each) => each.name === "A");
    const rests = deck?.state !== "DECK_STATE_PLAYING";
    if (deck && rests !== this.rests) {
      this.rests = rests;
      this.transport.resting(rests, !this.flows);
    }
    const told = JSON.stringify([status.mix, status.because, status.preset]);
    if (told !== this.told) this.why.soon();
    this.told = told;
  }

  /** Where the song is heard, in seconds; null while nothing is. */
  get positionS() {
    const atS = this.session ? this.sound.heardPositionS : null;
    return atS === null || !this.track ? atS : ((atS % this.track.durationS) + this.track.durationS) % this.track.durationS;
  }

  tick() {
    const atS = this.positionS;
    if (atS === null || !this.track) return;
    this.patience.hidden = true;
    const { downbeatsS = [], beatsS = [] } = this.track.analysis || {};
    const bar = countTo(downbeatsS, atS);
    const beat = bar ? countTo(beatsS, atS) - countTo(beatsS, downbeatsS[bar - 1] - 1e-3) : 0;
    this.transport.time.textContent = `${clockOf(atS)} / ${clockOf(this.track.durationS)}`;
    this.transport.bar.textContent = bar ? `${bar}.${beat}` : "";
  }

  wish(name, value, atMs) {
    this.hand?.wish(name, value, atMs);
    this.lanes.level(this.mixer.gains);
  }

  answered(answer) {
    if (!answer.accepted) tell(t("refused", { reason: answer.reason }), true);
    for (const clamp of answer.clamps || []) {
      if (!(clamp.dimension in DIMENSIONS)) continue;
      tell(t("clamped", { dimension: t(`dimension.${clamp.dimension}`), because: clamp.because }));
    }
  }

  async perform(command) {
    const session = this.session;
    if (this.console?.session !== session || this.console.line.isOver) {
      this.console?.line.close();
      const line = remixd.console(session);
      this.console = { session, line };
      drain(line.events);
    }
    try {
      const answer = await this.console.line.perform({ deck: "A", ...command });
      if (!answer.accepted) tell(t("refused", { reason: answer.reason }), true);
    } catch (error) {
      this.console = null;
      tellError(error);
    }
  }

  async seek(positionS) {
    if (!this.session) return;
    if (this.flows) tell(t("flow.seek"));
    else await this.perform({ seek: { positionS } });
  }

  pause() {
    if (this.session && !this.flows) this.perform(this.rests ? { play: {} } : { pause: {} });
  }

  async panic() {
    if (!this.session) return;
    try {
      await remixd.sessions.panic(this.session);
      this.mixer.forget();
      tell(t("panic.done"));
    } catch (error) {
      tellError(error);
    }
  }

  skip() {
    const next = this.library.after(this.track?.id);
    if (next && next.id !== this.track?.id) this.start(next);
  }

  /** The same song in the other way of moving the mix, at the same place, with what hands wished. */
  again() {
    if (!this.session || !this.track) return;
    if (this.transport.flow.checked) tell(t("flow.why"));
    this.start(this.track, this.positionS ?? 0, this.mixer.wishes);
  }

  async leaveSession() {
    const session = this.session;
    await this.exporter.end();
    this.session = "";
    this.hand?.end();
    this.console?.line.close();
    this.console = null;
    this.sound.leave();
    keep("session", SESSION_KEY, "");
    if (session) await remixd.sessions.delete(session).catch(() => {});
  }

  async end() {
    this.turn += 1;
    this.quiet();
    await this.leaveSession();
  }

  /** The session is no more. */
  over(isTold = true) {
    if (isTold && this.session) tell(t("ended"));
    this.end();
  }

  quiet() {
    this.lanes.rest();
    this.stage.hidden = true;
    this.intro.hidden = false;
    document.body.classList.remove("playing");
    this.library.mark("");
    document.title = "remixd";
  }

  /** The page goes: so does its session, unless it comes back within some seconds. */
  leave() {
    if (this.session) hold(this.session, false);
  }

  press(event) {
    if (event.key !== " " || event.target.closest("button, input, select, summary, a, rx-fader, rx-knob, rx-pad")) return;
    event.preventDefault();
    this.pause();
  }
}

const countTo = (places, atS) => {
  let low = 0;
  let high = places.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (places[middle] <= atS) low = middle + 1;
    else high = middle;
  }
  return low;
};

async function drain(events) {
  try {
    for await (const event of events) if (event.refused) tell(t("refused", { reason: event.refused.reason }), true);
  } catch { /* the line was lost: the next command opens another */ }
}

const page = new Page();
page.begin().catch(tellError);
/** For measurements and tests: the page as it is. */
globalThis.remixdPage = page;
