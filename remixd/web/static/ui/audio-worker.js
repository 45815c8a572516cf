// Takes a session's sound from the daemon, decodes it and hands it to the worklet: off the page's own thread.

import { Remixd } from "../remixd.js";

const PAUSE_MS = 1000;
const CLOCKS_MS = 100;

/** Decodes one stream to {left, right, sample}. */
class Decoder {
  constructor(give, failed) {
    this.give = give;
    this.failed = failed;
    this.format = null;
    this.decoder = null;
  }

  take(packet) {
    if (packet.format !== this.format) this.begin(packet.format);
    if (packet.pcm.length) this.give(apart(packet.pcm, packet.sample));
    let sample = packet.sample;
    for (const data of packet.encoded) {
      this.decoder.decode(new EncodedAudioChunk({ type: "key", timestamp: sample * US, data }));
      sample += this.format.codecFrames;
    }
  }

  begin(format) {
    this.close();
    this.format = format;
    if (format.format !== "SAMPLE_FORMAT_OPUS") return;
    this.skip = format.preSkipFrames || 0;
    this.decoder = new AudioDecoder({ output: (audio) => this.decoded(audio), error: this.failed });
    this.decoder.configure({ codec: "opus", sampleRate: 48000, numberOfChannels: 2 });
  }

  decoded(audio) {
    const left = new Float32Array(audio.numberOfFrames);
    const right = new Float32Array(audio.numberOfFrames);
    audio.copyTo(left, { planeIndex: 0, format: "f32-planar" });
    audio.copyTo(right, { planeIndex: Math.min(1, audio.numberOfChannels - 1), format: "f32-planar" });
    let sample = Math.round(audio.timestamp / US);
    audio.close();
    const useless = Math.min(this.skip, left.length);
    this.skip -= useless;
    sample += useless;
    if (useless < left.length) this.give({ left: left.slice(useless), right: right.slice(useless), sample });
  }

  close() {
    if (this.decoder && this.decoder.state !== "closed") this.decoder.close();
    this.decoder = null;
  }
}

const US = 1e6 / 48000;

/** Interleaved samples side by side. */
function apart(pcm, sample) {
  const frames = pcm.length / 2;
  const left = new Float32Array(frames);
  const right = new Float32Array(frames);
  const scale = pcm instanceof Int16Array ? 1 / 32768 : 1;
  for (let at = 0; at < frames; at += 1) {
    left[at] = pcm[2 * at] * scale;
    right[at] = pcm[2 * at + 1] * scale;
  }
  return { left, right, sample };
}

/** 24-bit samples of a WAV file. */
function packed(pcm) {
  const bytes = new Uint8Array(pcm.length * 3);
  for (let at = 0; at < pcm.length; at += 1) {
    const value = Math.round(Math.max(-1, Math.min(1, pcm[at])) * 8388607);
    bytes[3 * at] = value;
    bytes[3 * at + 1] = value >> 8;
    bytes[3 * at + 2] = value >> 16;
  }
  return bytes;
}

/** The beginning of a WAV file of 24 bits, stereo, 48 kHz. */
function wavHeader(length) {
  const view = new DataView(new ArrayBuffer(44));
  const text = (at, word) => [...word].forEach((letter, index) => view.setUint8(at + index, letter.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, 36 + length, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 2, true);
  view.setUint32(24, 48000, true);
  view.setUint32(28, 288000, true);
  view.setUint16(32, 6, true);
  view.setUint16(34, 24, true);
  text(36, "data");
  view.setUint32(40, length, true);
  return view.buffer;
}

let remixd = null;
let port = null;
let turn = 0;
let streams = [];
let recording = null;

async function hear(session, format, mine) {
  const decoder = new Decoder(
    (sound) => mine === turn && port.postMessage(sound, [sound.left.buffer, sound.right.buffer]),
    (error) => postMessage({ failed: { code: "DECODER", message: error.message } }),
  );
  let nextClock = 0;
  const stream = remixd.listen(session, { format });
  streams.push(stream);
  try {
    for await (const packet of stream) {
      if (mine !== turn) break;
      decoder.take(packet);
      if (performance.now() < nextClock) continue;
      nextClock = performance.now() + CLOCKS_MS;
      postMessage({ clock: { sample: packet.sample, positionS: packet.positionS, barBeat: packet.barBeat } });
    }
  } finally {
    decoder.close();
  }
}

/** Listen until the session ends; what fails in between is tried again, or in PCM where it is the encoder. */
async function listen(session, wanted, mine) {
  let format = wanted;
  while (mine === turn) {
    try {
      await hear(session, format, mine);
      if (mine === turn) postMessage({ ended: true });
      break;
    } catch (error) {
      if (mine !== turn) return;
      const isOver = ["NOT_FOUND", "PERMISSION_DENIED", "UNAUTHENTICATED"].includes(error.code);
      postMessage({ failed: { code: error.code || error.name, message: error.message, isOver } });
      if (isOver) break;
      if (format === "SAMPLE_FORMAT_OPUS") format = "SAMPLE_FORMAT_F32";
      await new Promise((resolve) => { setTimeout(resolve, PAUSE_MS); });
    }
  }
  if (mine === turn) port.postMessage({ ended: true });
}

async function record(session) {
  const stream = remixd.listen(session, { format: "SAMPLE_FORMAT_F32" });
  recording = { stream, parts: [], length: 0 };
  const here = recording;
  try {
    for await (const packet of stream) {
      const bytes = packed(packet.pcm);
      here.parts.push(bytes);
      here.length += bytes.length;
    }
  } catch (error) {
    postMessage({ failed: { code: error.code, message: error.message } });
  }
  postMessage({ recorded: new Blob([wavHeader(here.length), ...here.parts], { type: "audio/wav" }),
    seconds: here.length / 288000 });
  if (recording === here) recording = null;
}

function leave() {
  turn += 1;
  for (const stream of streams.splice(0)) stream.return();
  port?.postMessage({ clear: true });
}

onmessage = ({ data }) => {
  if (data.port) {
    port = data.port;
    remixd = new Remixd(data.origin, { token: data.token });
  } else if (data.listen) {
    leave();
    listen(data.listen, data.format, turn);
  } else if (data.leave) leave();
  else if (data.record) record(data.record);
  else if (data.recordEnd) recording?.stream.return(); // one that ended by itself was sent already
};
