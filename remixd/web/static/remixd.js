// remixd for browsers: the services of remixd.v1 in JSON, many calls over one WebSocket.
//
// An ES module without dependencies and without a build step. Names of methods, fields and values are those of the
// protos in lowerCamelCase; 64-bit integers come as numbers. What it uses of the protos stands in METHODS and
// ENUMS, which a test compares with the descriptors.

/** @typedef {{dimension: string, value: number}} Wish */
/** @typedef {{dimension: string, steps: number}} Direction */
/**
 * What a fan expressed; see message Signal. An id is made where there is none.
 * @typedef {{id?: string, fan?: string, wishes?: Wish[], directions?: Direction[], choices?: Object<string, string>,
 *   reaction?: string, amount?: number, text?: string, emoji?: string, consent?: string, verified?: boolean}} Signal
 */
/** @typedef {{id: string, accepted?: boolean, reason?: string, duplicate?: boolean, understood?: string}} Answer */
/**
 * @typedef {{sequence: number, sample: number, positionS: number, barBeat: string, lengthFrames: number,
 *   skippedFrames: number, pcm: Float32Array|Int16Array, encoded: Uint8Array[], format: Object}} Packet
 * `format` is message StreamFormat, its codecHeader a Uint8Array: the `description` of WebCodecs.
 */

/** Every method that this module calls: the fields of its request, and those of its response that it reads. */
export const METHODS = {
  "Sessions/ListSessions": [["pageSize", "pageToken"], ["sessions", "nextPageToken"]],
  "Sessions/GetSession": [["session"], ["session"]],
  "Sessions/CreateSession": [
    ["track", "mode", "sink", "preset", "presetWeights", "arc", "exploring"], ["session"]],
  "Sessions/DeleteSession": [["session"], []],
  "Sessions/Panic": [["session", "id"], ["plannedSample"]],
  "Sessions/Watch": [["session"], ["status", "applied", "refused", "lost", "missed"]],
  "Sessions/Listen": [["session", "format", "bitrateBps"], ["format", "packet"]],
  "Tracks/ListTracks": [["pageSize", "pageToken", "text", "key"], ["tracks", "nextPageToken"]],
  "Tracks/GetTrack": [["track"], ["track"]],
  "Presets/ListPresets": [["pageSize", "pageToken"], ["presets", "nextPageToken"]],
  "Presets/PickPresets": [["session", "id", "weights", "overBars", "at"], ["answer"]],
  "Audience/SendSignals": [["session", "signals"], ["answers"]],
  "Audience/GetTaste": [["session", "fan"], ["taste"]],
  "Audience/ExplainMix": [["session", "fan"], ["explanations"]],
  "Audience/UndoSignal": [["session", "fan", "signal"], ["explanations"]],
  "Audience/ForgetFan": [["fan"], ["sessions", "signals", "taste", "remains"]],
  "Audience/GetCrowd": [["session"], ["crowd", "reason"]],
  "Audience/PlanMix": [["session", "signals", "bars"], ["moves"]],
  "Console/Perform": [["attach", "command"], ["answer", "applied", "refused", "status", "missed", "lost"]],
};

/** Values of enumerations, by the enumeration's name. */
export const ENUMS = {
  Reaction: ["REACTION_LIKE", "REACTION_LOVE", "REACTION_DISLIKE", "REACTION_SKIP", "REACTION_REPLAY",
    "REACTION_BETTER", "REACTION_WORSE", "REACTION_DWELL", "REACTION_VOLUME", "REACTION_CADENCE", "REACTION_EXPLORE"],
  When: ["WHEN_NOW", "WHEN_BEAT", "WHEN_BAR", "WHEN_PHRASE", "WHEN_SECTION"],
  SampleFormat: ["SAMPLE_FORMAT_S16", "SAMPLE_FORMAT_F32", "SAMPLE_FORMAT_FLAC", "SAMPLE_FORMAT_OPUS"],
  SessionMode: ["SESSION_MODE_HANDS_ON", "SESSION_MODE_DIRECTED"],
  Consent: ["CONSENT_SESSION", "CONSENT_TASTE"],
};

/** Fields that are 64-bit integers, which JSON of the protos has as text. */
export const INT64 = new Set(["sample", "settledSample", "plannedSample", "sequence", "skippedFrames", "lateFrames",
  "enginePid", "underruns", "nonfiniteSamples", "majorFaults", "fans", "answers", "signals", "sessions",
  "lengthFrames", "revision", "revisedSample", "untilSample",
  "hostNs"]);

const READS = /\/(Get|List|Explain|Plan)/;
const BATCH_MAX = 64;
const BATCH_MS = 20;
const WAITING_MAX = 50;
const BACK_OFF_MS = [250, 10000];
const TRIES = 5;

/** A call that ended with another code than OK. */
export class RemixdError extends Error {
  /** @param {{code?: string, message?: string, details?: Object[]}} status */
  constructor(status) {
    super(status.message || status.code);
    this.name = "RemixdError";
    /** @type {string} the status code, such as NOT_FOUND */
    this.code = status.code || "UNKNOWN";
    /** @type {Object[]} google.rpc details */
    this.details = status.details || [];
  }

  /** The field of the request that is at fault; empty if none is named. @returns {string} */
  get field() {
    const bad = this.details.find((each) => each["@type"].endsWith("BadRequest"));
    return bad?.fieldViolations?.[0]?.field || "";
  }
}

const gone = (message) => new RemixdError({ code: "UNAVAILABLE", message });

/** A new id, also where there is no secure context. @returns {string} */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** JSON of the protos with its 64-bit integers as numbers. */
function plain(value, name = "") {
  if (Array.isArray(value)) return value.map((each) => plain(each));
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each, key)]));
  }
  return typeof value === "string" && INT64.has(name) && /^-?\d+$/.test(value) ? Number(value) : value;
}

/** What comes of a stream until it ends, for `for await`; bounded by whoever fills it. */
class Queue {
  constructor(onLeave) {
    this.items = [];
    this.onLeave = onLeave;
    this.waiting = null;
    this.ended = null;
  }

  put(item) {
    if (this.ended) return;
    this.items.push(item);
    this.waiting?.();
  }

  end(error = null) {
    if (this.ended) return;
    this.ended = { error };
    this.waiting?.();
  }

  [Symbol.asyncIterator]() { return this; }

  async next() {
    while (!this.items.length) {
      if (this.ended?.error) throw this.ended.error;
      if (this.ended) return { value: undefined, done: true };
      await new Promise((resolve) => { this.waiting = resolve; });
      this.waiting = null;
    }
    return { value: this.items.shift(), done: false };
  }

  async return() {
    this.end();
    this.onLeave();
    return { value: undefined, done: true };
  }
}

/** One WebSocket, opened again whenever it is lost. */
class Line {
  constructor(url, options) {
    this.url = url;
    this.token = options.token || "";
    this.Socket = options.WebSocket || globalThis.WebSocket;
    this.onState = options.onState || (() => {});
    this.calls = new Map();
    this.last = 0;
    this.tries = 0;
    this.closed = false;
    this.socket = null;
    this.open();
  }

  open() {
    const socket = this.newest = new this.Socket(this.url);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.tries = 0;
      this.socket = socket;
      if (this.token) socket.send(JSON.stringify({ token: this.token }));
      for (const [id, call] of this.calls) this.begin(id, call);
      this.onState("open");
    };
    socket.onmessage = (event) => this.take(event.data);
    socket.onclose = (event) => this.lost(event.reason);
  }

  lost(reason) {
    this.socket = null;
    for (const [id, call] of [...this.calls]) {
      if (!call.begun) continue;
      call.begun = false;
      if (!call.resumes) this.end(id, gone(reason || "the connection was lost"));
    }
    if (this.closed) return;
    const [least, most] = BACK_OFF_MS;
    const pause = Math.min(least * 2 ** this.tries, most) * (0.5 + Math.random() / 2);
    this.tries += 1;
    this.onState("waiting");
    this.timer = setTimeout(() => this.open(), pause);
  }

  /** Begin a call, at once or as soon as there is a connection. */
  call(call) {
    if (this.closed) throw gone("this Remixd is closed");
    const id = this.last = (this.last + 1) % 2 ** 32;
    this.calls.set(id, call);
    if (this.socket) this.begin(id, call);
    return id;
  }

  begin(id, call) {
    call.begun = true;
    const frame = { call: id, method: call.method };
    if (call.request !== undefined) frame.request = call.request;
    this.socket.send(JSON.stringify(frame));
  }

  send(id, frame) {
    if (this.socket && this.calls.get(id)?.begun) this.socket.send(JSON.stringify({ call: id, ...frame }));
  }

  cancel(id) {
    this.send(id, { cancel: true });
    this.calls.delete(id);
  }

  end(id, error) {
    const call = this.calls.get(id);
    this.calls.delete(id);
    call?.ended(error);
  }

  take(data) {
    if (typeof data !== "string") return this.takeBinary(data);
    const frame = JSON.parse(data);
    const call = this.calls.get(frame.call);
    if (frame.started) call?.started?.();
    else if (frame.response) call?.took(plain(frame.response), null);
    else if (frame.end && frame.call !== undefined) {
      const end = frame.end;
      if (call?.resumes && end.code === "UNAVAILABLE" && !this.closed && call.again()) {
        call.begun = false;
        setTimeout(() => this.socket && this.calls.has(frame.call) && this.begin(frame.call, call), BACK_OFF_MS[0]);
      } else this.end(frame.call, end.code === "OK" ? null : new RemixdError(end));
    }
    return undefined;
  }

  takeBinary(data) {
    const view = new DataView(data);
    const length = view.getUint32(4, true);
    const told = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 8, length)));
    this.calls.get(view.getUint32(0, true))?.took(plain(told), new Uint8Array(data, 8 + length));
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
    for (const id of [...this.calls.keys()]) this.end(id, gone("this Remixd was closed"));
    this.newest?.close(1000);
  }
}

/** What one fan, or the fans of one app, send to a session: in batches of 64 signals, or of 20 ms. */
class Signals {
  constructor(remixd, session) {
    this.remixd = remixd;
    this.session = session;
    this.waiting = [];
    this.timer = null;
  }

  /**
   * Send a signal. @param {Signal} signal
   * @returns {Promise<Answer>} its first answer; what became of it follows on `watch` under its id
   */
  send(signal) {
    return new Promise((resolve, reject) => {
      this.waiting.push({ signal: { id: newId(), ...signal }, resolve, reject });
      if (this.waiting.length >= BATCH_MAX) this.flush();
      else this.timer ??= setTimeout(() => this.flush(), BATCH_MS);
    });
  }

  /** @param {Object<string, number>} wishes by dimension @param {Signal} more @returns {Promise<Answer>} */
  wish(wishes, more = {}) {
    return this.send({
      ...more, wishes: Object.entries(wishes).map(([dimension, value]) => ({ dimension, value })) });
  }

  /** @param {string} reaction such as "like" @param {Signal} more @returns {Promise<Answer>} */
  react(reaction, more = {}) {
    return this.send({ ...more, reaction: `REACTION_${reaction.toUpperCase()}` });
  }

  /** Send what waits now. */
  async flush() {
    clearTimeout(this.timer);
    this.timer = null;
    const batch = this.waiting.splice(0, BATCH_MAX);
    if (!batch.length) return;
    try {
      const answers = await this.deliver(batch.map((each) => each.signal));
      batch.forEach((each, index) => each.resolve(answers[index]));
    } catch (error) {
      batch.forEach((each) => each.reject(error));
    }
  }

  /** A signal has an id and counts once, however often it is sent: so a lost connection costs nothing. */
  async deliver(signals) {
    for (let tries = 1; ; tries += 1) {
      try {
        const request = { session: this.session, signals };
        return (await this.remixd.call("Audience/SendSignals", request)).answers;
      } catch (error) {
        if (error.code !== "UNAVAILABLE" || tries >= TRIES || this.remixd.isClosed) throw error;
      }
    }
  }
}

/** Hands on the decks of a session. */
class Console {
  constructor(line, session) {
    this.line = line;
    this.answers = new Map();
    this.isOver = false;
    this.events = new Queue(() => this.close());
    this.ready = new Promise((resolve, reject) => {
      this.id = line.call({
        method: "Console/Perform",
        request: { attach: { session } },
        started: resolve,
        took: (response) => this.take(response),
        ended: (error) => {
          this.isOver = true;
          this.events.end(error);
          for (const each of this.answers.values()) each.reject(error || gone("the console is closed"));
          this.answers.clear();
          reject(error || gone("the console is closed"));
        },
      });
    });
    this.ready.catch(() => {});
  }

  take(response) {
    const answer = response.answer;
    if (answer && this.answers.has(answer.id)) {
      this.answers.get(answer.id).resolve(answer);
      this.answers.delete(answer.id);
      return;
    }
    const waits = this.events.items.findIndex((each) => each.status);
    if (response.status && waits >= 0) this.events.items[waits] = response;
    else this.events.put(response);
  }

  /**
   * Do something. @param {Object} command see message DeckCommand, such as {deck: "A", play: {}}
   * @returns {Promise<Answer>} the first answer; the second is among `events`
   */
  async perform(command) {
    await this.ready;
    if (this.isOver) throw gone("the console is closed");
    const told = { id: newId(), ...command };
    return new Promise((resolve, reject) => {
      this.answers.set(told.id, { resolve, reject });
      this.line.send(this.id, { request: { command: told } });
    });
  }

  /** End it once everything is answered. */
  done() { this.line.send(this.id, { done: true }); }

  /** End it. */
  close() {
    this.line.cancel(this.id);
    this.events.end();
  }
}

/** A connection to remixd. */
export class Remixd {
  /**
   * @param {string} url of the daemon's web, such as "http://127.0.0.1:7401"; by default where the module is from
   * @param {{token?: string, WebSocket?: Function, onState?: function(string): void}} options
   */
  constructor(url = new URL("..", import.meta.url).href, options = {}) {
    const at = new URL("v1/ws", url.endsWith("/") ? url : `${url}/`);
    at.protocol = at.protocol === "https:" || at.protocol === "wss:" ? "wss:" : "ws:";
    this.line = new Line(at.href, options);
    this.sessions = {
      list: () => this.pages("Sessions/ListSessions", {}, "sessions"),
      get: async (session) => (await this.call("Sessions/GetSession", { session })).session,
      create: async (track, more = {}) =>
        (await this.call("Sessions/CreateSession", { track, ...more })).session,
      delete: (session) => this.call("Sessions/DeleteSession", { session }),
      panic: (session, id = newId()) => this.call("Sessions/Panic", { session, id }),
    };
    this.tracks = {
      list: (search = {}) => this.pages("Tracks/ListTracks", search, "tracks"),
      get: async (track) => (await this.call("Tracks/GetTrack", { track })).track,
    };
    this.presets = {
      list: () => this.pages("Presets/ListPresets", {}, "presets"),
      pick: async (session, weights, more = {}) =>
        (await this.call("Presets/PickPresets", { session, id: newId(), weights, ...more })).answer,
    };
    this.audience = {
      taste: async (session, fan) => (await this.call("Audience/GetTaste", { session, fan })).taste,
      explain: async (session, fan = "") =>
        (await this.call("Audience/ExplainMix", { session, fan })).explanations || [],
      undo: async (session, fan, signal) =>
        (await this.call("Audience/UndoSignal", { session, fan, signal })).explanations || [],
      forget: (fan) => this.call("Audience/ForgetFan", { fan }),
      crowd: (session) => this.call("Audience/GetCrowd", { session }),
      plan: async (session, signals, bars = 8) =>
        (await this.call("Audience/PlanMix", { session, signals, bars })).moves || [],
    };
  }

  /** Whether it was closed. @returns {boolean} */
  get isClosed() { return this.line.closed; }

  /**
   * Call a method that is no stream. One that only reads, or has a requestId, is called again when the connection was
   * lost; of any other nobody knows then whether it was done. @param {string} method @param {Object} request @returns {Promise<Object>}
   */
  call(method, request = {}) {
    return new Promise((resolve, reject) => {
      let answer = {};
      let tries = 0;
      this.line.call({
        method,
        request,
        resumes: READS.test(method) || Boolean(request.requestId),
        again: () => { tries += 1; return tries <= TRIES; },
        took: (response) => { answer = response; },
        ended: (error) => (error ? reject(error) : resolve(answer)),
      });
    });
  }

  /** Every page of a list. */
  async pages(method, request, field) {
    const found = [];
    let pageToken = "";
    do {
      const page = await this.call(method, { ...request, pageToken });
      found.push(...(page[field] || []));
      pageToken = page.nextPageToken || "";
    } while (pageToken);
    return found;
  }

  /** What fans send to a session. @param {string} session @returns {Signals} */
  signals(session) { return new Signals(this, session); }

  /**
   * Follow a session: {status}, {applied}, {refused}, {missed} or {lost}, until it ends. A lost connection is opened
   * again, and told by {resumed: true}, since answers may have been missed. Of statuses only the newest waits.
   * @param {string} session @returns {AsyncIterable<Object>}
   */
  watch(session) {
    let began = false;
    return this.stream("Sessions/Watch", { session }, (queue, response) => {
      const waits = queue.items.findIndex((each) => each.status);
      if (response.status && waits >= 0) queue.items[waits] = response;
      else queue.put(response);
    }, (queue) => {
      if (began) queue.put({ resumed: true });
      began = true;
    });
  }

  /**
   * Hear a session: packets, until it ends. Who takes them too slowly skips, and is told by skippedFrames.
   * @param {string} session @param {{format?: string, bitrateBps?: number}} options a value of ENUMS.SampleFormat
   * @returns {AsyncIterable<Packet>}
   */
  listen(session, options = {}) {
    let format = {};
    let skipped = 0;
    return this.stream("Sessions/Listen", { session, ...options }, (queue, response, bytes) => {
      if (response.format) {
        format = { ...response.format, codecHeader: cut(bytes, response.format.codecHeader) };
        return;
      }
      while (queue.items.length >= WAITING_MAX) {
        const dropped = queue.items.shift();
        skipped += dropped.lengthFrames + dropped.skippedFrames;
      }
      if (skipped && queue.items.length) {
        queue.items[0].skippedFrames += skipped;
        skipped = 0;
      }
      queue.put(packetOf(response.packet, bytes, format));
    });
  }

  /** A stream that is begun again when the connection was lost. */
  stream(method, request, took, started = () => {}) {
    let tries = 0;
    const queue = new Queue(() => this.line.cancel(id));
    const id = this.line.call({
      method,
      request,
      resumes: true,
      again: () => { tries += 1; return tries <= TRIES; },
      started: () => started(queue),
      took: (response, bytes) => { tries = 0; took(queue, response, bytes); },
      ended: (error) => queue.end(error),
    });
    return queue;
  }

  /** Hands on the decks of a session. @param {string} session @returns {Console} */
  console(session) { return new Console(this.line, session); }

  /** End every call, and do not come back. */
  close() { this.line.close(); }
}

/** A copy of a field of bytes, from what comes after the JSON of a frame. */
function cut(bytes, [offset, length] = [0, 0]) {
  return bytes ? bytes.slice(offset, offset + length) : new Uint8Array();
}

/** @returns {Packet} */
function packetOf(packet, bytes, format) {
  const raw = cut(bytes, packet.pcm);
  const Kind = format.format === "SAMPLE_FORMAT_S16" ? Int16Array : Float32Array;
  const clock = packet.clock || {};
  return {
    sequence: packet.sequence || 0,
    sample: clock.sample || 0,
    positionS: clock.positionS || 0,
    barBeat: clock.barBeat || "",
    lengthFrames: packet.lengthFrames || 0,
    skippedFrames: packet.skippedFrames || 0,
    pcm: new Kind(raw.buffer, 0, raw.length / Kind.BYTES_PER_ELEMENT),
    encoded: (packet.encoded || []).map((place) => cut(bytes, place)),
    format,
  };
}
