// The sound of one session: what is heard, how late, and where in the song that is.

import { bus, origin, token } from "./base.js";

const CLOCKS_KEPT = 100;
const RATE = 48000;
const DELAYS_KEPT = 31;

/** How sound comes where nobody chooses: Opus where the browser decodes it, else as it is. */
async function bestFormat() {
  try {
    const asked = { codec: "opus", sampleRate: RATE, numberOfChannels: 2 };
    if ((await AudioDecoder.isConfigSupported(asked)).supported) return "SAMPLE_FORMAT_OPUS";
  } catch { /* a browser without WebCodecs */ }
  return "SAMPLE_FORMAT_F32";
}

/**
 * Sound: a worker that takes it, a worklet that plays it. `state` is the worklet's last report.
 * Emits "sound" (a report), "sound-ended", "sound-failed" and "delay" (a measured hand-to-ear time, ms) on the bus.
 */
export class Sound {
  constructor() {
    this.context = null;
    this.state = null;
    this.clocks = [];
    this.sent = new Map();
    this.delays = [];
    this.format = "";
    this.waiting = new Map();
    this.worker = new Worker(new URL("audio-worker.js", import.meta.url), { type: "module" });
    this.worker.onmessage = ({ data }) => this.fromWorker(data);
    const { port1, port2 } = new MessageChannel();
    this.playerPort = port1;
    this.worker.postMessage({ port: port2, origin, token }, [port2]);
  }

  /** Make the way to the ear; called in a click, or the browser keeps it silent. */
  open() {
    this.opening ??= this.build().catch((error) => {
      this.opening = null;
      throw error;
    });
    if (this.context?.state === "suspended") this.context.resume();
    return this.opening;
  }

  async build() {
    this.context = new AudioContext({ sampleRate: RATE, latencyHint: "interactive" });
    if (!this.context.audioWorklet) {
      throw Object.assign(new Error("no AudioWorklet"), { code: "NO_WORKLET" });
    }
    await this.context.audioWorklet.addModule(new URL("player-worklet.js", import.meta.url));
    this.node = new AudioWorkletNode(this.context, "remixd-player", {
      numberOfInputs: 0, outputChannelCount: [2] });
    this.node.port.onmessage = ({ data }) => this.fromPlayer(data);
    this.node.port.postMessage({ port: this.playerPort }, [this.playerPort]);
    this.volume = new GainNode(this.context);
    this.node.connect(this.volume).connect(this.context.destination);
  }

  /** Whether the browser waits for a click before it sounds. */
  get isBlocked() { return this.context?.state === "suspended"; }

  /** Hear a session. @param {string} session @param {string} format "" for the best */
  async listen(session, format = "") {
    await this.open();
    this.format = format || await bestFormat();
    this.clocks = [];
    this.sent.clear();
    this.worker.postMessage({ listen: session, format: this.format });
  }

  /** Hear nothing more. */
  leave() {
    this.worker.postMessage({ leave: true });
    this.state = null;
  }

  /** Keep what is played from now on, as a WAV file. @param {string} session */
  record(session) {
    this.recorded = null;
    this.worker.postMessage({ record: session });
  }

  /** End that. @returns {Promise<{blob: Blob, seconds: number}>} */
  recordEnd() {
    if (this.recorded) return Promise.resolve(this.recorded);
    return new Promise((resolve) => {
      this.waiting.set("recorded", resolve);
      this.worker.postMessage({ recordEnd: true });
    });
  }

  /**
   * The next frames as they are played: {left, right, places}, the sample of the session at every 128th of them.
   * @param {number} frames @returns {Promise<Object>}
   */
  capture(frames) {
    return new Promise((resolve) => {
      this.waiting.set("captured", resolve);
      this.node.port.postMessage({ capture: frames });
    });
  }

  /** Tell, by "changed" on the bus, whenever a steady tone becomes another: for measurements. */
  watchLevel(on) { this.node.port.postMessage({ watch: on }); }

  fromWorker(data) {
    if (data.clock) {
      this.clocks.push(data.clock);
      if (this.clocks.length > CLOCKS_KEPT) this.clocks.shift();
    } else if (data.ended) bus.emit("sound-ended");
    else if (data.failed) bus.emit("sound-failed", data.failed);
    else if (data.recorded) {
      this.recorded = { blob: data.recorded, seconds: data.seconds };
      this.waiting.get("recorded")?.(this.recorded);
      this.waiting.delete("recorded");
    }
  }

  fromPlayer(data) {
    if (data.captured) {
      this.waiting.get("captured")?.(data.captured);
      this.waiting.delete("captured");
    } else if (data.changedMs) bus.emit("changed", data.changedMs);
    else {
      this.state = data;
      bus.emit("sound", data);
    }
  }

  /** How long the device takes, in seconds. */
  get outputS() { return this.context ? this.context.outputLatency || this.context.baseLatency || 0 : 0; }

  /** The moment of the context's clock that is at the ear now. */
  get earS() {
    const told = this.context.getOutputTimestamp?.();
    const now = performance.now();
    if (told?.contextTime > 0 && Math.abs(now - told.performanceTime) < 1000) {
      return told.contextTime + (now - told.performanceTime) / 1000;
    }
    return this.context.currentTime - this.outputS;
  }

  /** The sample of the session that is heard now; null while nothing is. @returns {number|null} */
  get heardSample() {
    if (!this.state?.isPlaying || !this.context) return null;
    return this.state.sample + (this.earS - this.state.contextS) * RATE;
  }

  /** Where in the song that is, in seconds, by the packets' clocks; null while nothing is heard. */
  get heardPositionS() {
    const sample = this.heardSample;
    if (sample === null || !this.clocks.length) return null;
    let at = this.clocks.length - 1;
    while (at > 0 && this.clocks[at].sample > sample) at -= 1;
    const here = this.clocks[at];
    const next = this.clocks[at + 1];
    const elapsedS = (sample - here.sample) / RATE;
    let pace = 1;
    const before = this.clocks[at - 1];
    const [from, to] = next ? [here, next] : [before, here];
    if (from && to) {
      const measured = (to.positionS - from.positionS) / ((to.sample - from.sample) / RATE);
      if (measured >= 0 && measured < 4) pace = measured;
    }
    return here.positionS + elapsedS * pace;
  }

  /** A signal left a hand at that time, by performance.now(). */
  expect(id, handMs) {
    this.sent.set(id, handMs);
    if (this.sent.size > 200) this.sent.delete(this.sent.keys().next().value);
  }

  /** It is in the sound from that sample on: when that is heard less when the hand moved is the whole way. */
  applied(id, sample) {
    const handMs = this.sent.get(id);
    const heard = this.heardSample;
    if (handMs === undefined || heard === null) return;
    this.sent.delete(id);
    this.delays.push(performance.now() + ((sample - heard) / RATE) * 1000 - handMs);
    if (this.delays.length > DELAYS_KEPT) this.delays.shift();
    bus.emit("delay", this.delayMs);
  }

  /** The median of the hand-to-ear times measured last, in ms; null before the first. @returns {number|null} */
  get delayMs() {
    if (!this.delays.length) return null;
    const sorted = [...this.delays].sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)];
  }
}
