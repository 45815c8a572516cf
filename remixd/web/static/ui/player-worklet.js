// The end of the sound's way: a jitter buffer that plays.
//
// Packets come from a worker over a port, not past the page's own thread. How unevenly they arrive is measured here;
// the buffer is kept as short as that allows. It is steered by whole frames: one is gained or lost over 512 (or 256)
// frames, by interpolation, so that between corrections every sample is the daemon's own.

const SIZE = 1 << 17;
const MASK = SIZE - 1;
const RATE = 48000;
const QUANTUM = 128;
const SLOTS = 12;
const SLOT_S = 0.25;
const FADE = 144;
const NEAR = 144;
const OFF = 720;
const FAR = 960;
const TOO_FAR = 1920;
const MARGIN = 960;
const MARGIN_MAX = 14400;
const CAUTION = 0.8;
const CAUTION_S = 40;
const SETTLE_S = 1.5;
const SKIP = 5760;
const FIRST_FILL = 2880;
const REPORT_S = 0.05;

/** The least and greatest headroom at arrivals over the last seconds. */
class Headroom {
  constructor() {
    this.low = new Float64Array(SLOTS).fill(Infinity);
    this.high = new Float64Array(SLOTS).fill(-Infinity);
    this.slot = 0;
    this.until = 0;
  }

  take(frames, now) {
    if (now >= this.until) {
      this.slot = (this.slot + 1) % SLOTS;
      this.low[this.slot] = Infinity;
      this.high[this.slot] = -Infinity;
      this.until = now + SLOT_S;
    }
    this.low[this.slot] = Math.min(this.low[this.slot], frames);
    this.high[this.slot] = Math.max(this.high[this.slot], frames);
  }

  /** What was measured before is as if it had been so many frames more. */
  shift(frames) {
    for (let slot = 0; slot < SLOTS; slot += 1) {
      this.low[slot] += frames;
      this.high[slot] += frames;
    }
  }

  forget() {
    this.low.fill(Infinity);
    this.high.fill(-Infinity);
  }

  /** Whether it has seen all the time that it looks back. */
  get isFull() { return this.low.every((each) => Number.isFinite(each)); }

  get least() { return Math.min(...this.low); }

  get spread() {
    const spread = Math.max(...this.high) - this.least;
    return Number.isFinite(spread) ? spread : 0;
  }
}

class Player extends AudioWorkletProcessor {
  constructor() {
    super();
    this.left = new Float32Array(SIZE);
    this.right = new Float32Array(SIZE);
    this.base = RATE / sampleRate;
    this.headroom = new Headroom();
    this.underruns = 0;
    this.gaps = 0;
    this.corrections = 0;
    this.nextReport = 0;
    this.capture = null;
    this.watch = null;
    this.clear();
    this.port.onmessage = ({ data }) => this.order(data);
  }

  clear() {
    this.write = 0;
    this.read = 0;
    this.places = [];
    this.expected = null;
    this.isPlaying = false;
    this.isLive = false;
    this.slip = 0;
    this.slipLeft = 0;
    this.fadeIn = 0;
    this.rise = 0;
    this.silentS = 0;
    this.settledS = 0;
    this.worst = 0;
    this.startedMs = undefined;
    this.stretch = QUANTUM;
    this.headroom.forget();
  }

  order(data) {
    if (data.port) {
      this.packets = data.port;
      this.packets.onmessage = ({ data: packet }) => this.take(packet);
    } else if (data.capture) {
      this.capture = { left: new Float32Array(data.capture), right: new Float32Array(data.capture), at: 0, places: [] };
    } else if (data.watch !== undefined) this.watch = data.watch ? new Watcher(this.port) : null;
  }

  /** A packet {left, right, sample}, or {clear} or {ended}. */
  take(packet) {
    if (packet.clear) { this.clear(); return; }
    if (packet.ended) { this.isLive = false; return; }
    this.isLive = true;
    const { left, right, sample } = packet;
    if (this.expected !== sample) this.jump(sample);
    else if (this.isPlaying) this.headroom.take(this.write - this.read, currentTime);
    for (let at = 0; at < left.length; at += 1) {
      this.left[(this.write + at) & MASK] = left[at];
      this.right[(this.write + at) & MASK] = right[at];
    }
    if (this.fadeIn) this.fade(this.write, 1);
    this.fadeIn = 0;
    this.write += left.length;
    this.expected = sample + left.length;
    const depth = this.write - this.read;
    if (this.isPlaying && depth > this.target + this.headroom.spread + SKIP) this.skip(depth - this.target);
    if (depth > SIZE - 8 * QUANTUM) this.read = this.write - SIZE / 2;
  }

  /** What comes next does not join what came last. */
  jump(sample) {
    if (this.expected !== null) {
      this.gaps += 1;
      if (this.write - this.read > FADE + QUANTUM) this.fade(this.write - FADE, -1);
      this.fadeIn = 1;
    }
    this.places.push({ at: this.write, sample });
    if (this.places.length > 64) this.places.shift();
  }

  fade(from, direction) {
    for (let at = 0; at < FADE; at += 1) {
      const gain = direction > 0 ? at / FADE : 1 - at / FADE;
      this.left[(from + at) & MASK] *= gain;
      this.right[(from + at) & MASK] *= gain;
    }
  }

  /** Leave frames out, crossfaded: far too much has gathered, as after a hung network. */
  skip(frames) {
    const by = Math.floor(frames);
    const from = Math.ceil(this.read);
    for (let at = 0; at < FADE; at += 1) {
      const gain = at / FADE;
      for (const side of [this.left, this.right]) {
        const place = (from + by + at) & MASK;
        side[place] = side[place] * gain + side[(from + at) & MASK] * (1 - gain);
      }
    }
    this.read = from + by;
    this.slip = 0;
    this.stretch = this.slipLeft = QUANTUM;
    this.corrections += 1;
    this.headroom.forget();
  }

  /**
   * How many frames are to be there when the latest packet of the last seconds arrives: a few, and what the worst
   * delay that is remembered takes beyond those of the last seconds.
   */
  get target() { return MARGIN + Math.max(0, Math.min(this.worst, MARGIN_MAX) * CAUTION - this.headroom.spread); }

  /** How many must be there before it begins to sound. */
  get fill() { return FIRST_FILL + Math.min(this.worst, MARGIN_MAX) * CAUTION; }

  /** A page that has just begun delays its own packets: that says nothing of those to come. */
  settle() {
    this.settledS = 0;
    this.worst = 0;
    this.headroom.forget();
  }

  /** Choose a correction for the next stretch. */
  steer() {
    if (this.settledS && currentTime > this.settledS) this.settle();
    const least = this.headroom.least;
    this.worst = Math.max(this.worst, this.headroom.spread);
    const error = Number.isFinite(least) ? least - this.target : 0;
    if (error > TOO_FAR && this.headroom.isFull) {
      this.skip(error);
      return;
    }
    const isOff = Math.abs(error) > (this.slip ? NEAR : error > 0 ? OFF : OFF / 2);
    this.slip = isOff ? Math.sign(error) : 0;
    this.slipLeft = this.slip ? (Math.abs(error) > FAR ? 256 : 512) : QUANTUM;
    this.stretch = this.slipLeft;
    if (this.slip) {
      this.corrections += 1;
      this.headroom.shift(-this.slip);
    }
  }

  process(_inputs, [[left, right]]) {
    const frames = left.length;
    const depth = this.write - this.read;
    if (!this.isPlaying && this.isLive && depth >= this.fill) {
      this.isPlaying = true;
      this.rise = FADE;
      this.learn();
      if (!this.startedMs) this.settledS = currentTime + SETTLE_S;
      this.startedMs ??= Date.now();
    }
    if (this.isPlaying) this.play(left, right || left, frames);
    this.observe(left, right || left, frames);
    return true;
  }

  play(left, right, frames) {
    for (let at = 0; at < frames; at += 1) {
      if (this.write - this.read < 4) {
        this.stop(left, right, at);
        return;
      }
      if (this.slipLeft <= 0) this.steer();
      const whole = Math.floor(this.read);
      const part = this.read - whole;
      left[at] = part ? between(this.left, whole, part) : this.left[whole & MASK];
      right[at] = part ? between(this.right, whole, part) : this.right[whole & MASK];
      if (this.rise > 0) {
        const gain = 1 - this.rise / FADE;
        left[at] *= gain;
        right[at] *= gain;
        this.rise -= 1;
      }
      this.read += this.base * (1 + this.slip / this.stretch);
      this.slipLeft -= 1;
    }
  }

  /** What made it silent once is expected again for a while. */
  learn() {
    if (this.silentS) this.worst = Math.max(this.worst, this.lastSpread + (currentTime - this.silentS) * RATE);
    this.silentS = 0;
  }

  /** Nothing is left to play: what sounds last fades away, and the buffer fills again, to more. */
  stop(left, right, at) {
    const length = Math.min(at, 96);
    for (let back = 0; back < length; back += 1) {
      left[at - 1 - back] *= back / length;
      right[at - 1 - back] *= back / length;
    }
    this.isPlaying = false;
    if (!this.isLive) return;
    this.underruns += 1;
    this.silentS = currentTime;
    this.lastSpread = this.headroom.spread;
    this.headroom.forget();
  }

  /** The sample of the session that is read now. */
  get sample() {
    while (this.places.length > 1 && this.places[1].at <= this.read) this.places.shift();
    const place = this.places[0];
    return place ? place.sample + (this.read - place.at) : 0;
  }

  observe(left, right, frames) {
    this.watch?.take(left);
    if (this.capture && this.isPlaying) this.keep(left, right);
    this.before = this.sample;
    if (currentTime < this.nextReport) return;
    this.nextReport = currentTime + REPORT_S;
    this.worst *= 1 - REPORT_S / CAUTION_S;
    this.port.postMessage({
      contextS: currentTime + frames / sampleRate,
      sample: this.sample,
      isPlaying: this.isPlaying,
      startedMs: this.startedMs,
      bufferMs: ((this.write - this.read) / RATE) * 1000,
      jitterMs: (this.headroom.spread / RATE) * 1000,
      underruns: this.underruns,
      gaps: this.gaps,
      corrections: this.corrections,
      slip: this.slip,
      leastMs: (this.headroom.least / RATE) * 1000,
      targetMs: (this.target / RATE) * 1000,
    });
  }

  keep(left, right) {
    const here = this.capture;
    here.places.push(this.before);
    const count = Math.min(left.length, here.left.length - here.at);
    here.left.set(left.subarray(0, count), here.at);
    here.right.set(right.subarray(0, count), here.at);
    here.at += count;
    if (here.at < here.left.length) return;
    this.port.postMessage({ captured: here });
    this.capture = null;
  }
}

/** Tells when the level of a steady tone changes: for measurements of the whole way from hand to sound. */
class Watcher {
  constructor(port) {
    this.port = port;
    this.peak = 0;
    this.level = 0;
    this.steady = 0;
    this.at = 0;
  }

  take(samples) {
    for (const sample of samples) {
      this.peak = Math.max(this.peak, Math.abs(sample));
      this.at += 1;
      if (this.at % 48) continue;
      this.judge(this.peak);
      this.peak = 0;
    }
  }

  judge(peak) {
    const isSame = Math.abs(peak - this.level) <= 0.08 * this.level + 1e-4;
    if (!isSame && this.steady > 100) this.port.postMessage({ changedMs: Date.now() });
    this.steady = isSame ? this.steady + 1 : 0;
    this.level = isSame ? this.level + 0.1 * (peak - this.level) : peak;
  }
}

/** Catmull-Rom's cubic through four samples. */
function between(side, whole, part) {
  const a = side[(whole - 1) & MASK];
  const b = side[whole & MASK];
  const c = side[(whole + 1) & MASK];
  const d = side[(whole + 2) & MASK];
  return b + 0.5 * part * (c - a + part * (2 * a - 5 * b + 4 * c - d + part * (3 * (b - c) + d - a)));
}

registerProcessor("remixd-player", Player);
