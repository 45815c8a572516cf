// The scrolling waveform of a deck: drawn once in tiles, and moved under the needle.

import { remixd } from "./base.js";

const TILE_PX = 1024;
const PX_A_SECOND = 90;
const ORDINARY_PX = 15;
const TILES_MAX = 24;
const COLUMNS_MAX = 16384;
const COLUMNS_A_SECOND = 75;
const KEPT_MAX = 12;
const known = new Map();

/** What is drawn of a track: message Track and its overview. @param {string} track @returns {Promise<Object>} */
export function songOf(track) {
  if (!known.has(track)) {
    const found = fetchSong(track);
    known.set(track, found);
    found.catch(() => known.delete(track));
    if (known.size > KEPT_MAX) known.delete(known.keys().next().value);
  }
  return known.get(track);
}

async function fetchSong(id) {
  const { track } = await remixd.call("Tracks/GetTrack", { track: id });
  const columns = Math.min(COLUMNS_MAX, Math.ceil((track.durationS || 1) * COLUMNS_A_SECOND));
  const overview = await remixd.call("Tracks/GetOverview", { track: id, columns });
  const roles = new Map((track.stems || []).map((stem) => [stem.name, roleOf(stem.role)]));
  const stems = (overview.stems || []).map((each) => ({
    role: roles.get(each.stem) || "other",
    rms: Float32Array.from(each.rms || []),
    peaks: Float32Array.from(each.peaks || []),
  }));
  return { track, stems, columnS: overview.columnS, loudest: loudestOf(stems) };
}

/** "drums" of STEM_ROLE_DRUMS. */
export const roleOf = (role) => (role || "STEM_ROLE_OTHER").slice("STEM_ROLE_".length).toLowerCase();

function loudestOf(stems) {
  let most = 1e-6;
  for (let column = 0; column < (stems[0]?.rms.length || 0); column += 1) {
    let sum = 0;
    for (const stem of stems) sum += stem.rms[column];
    if (sum > most) most = sum;
  }
  return most;
}

/** The tiles of one song at one size. */
class Tiles {
  constructor(song, height, pxPerS, ratio, size, colours, muted) {
    Object.assign(this, { song, height, pxPerS, ratio, size, colours, muted });
    this.made = new Map();
  }

  get(index) {
    let tile = this.made.get(index);
    if (!tile) {
      tile = this.paint(index);
      this.made.set(index, tile);
      if (this.made.size > TILES_MAX) this.made.delete(this.made.keys().next().value);
    }
    return tile;
  }

  paint(index) {
    const canvas = document.createElement("canvas");
    canvas.width = TILE_PX;
    canvas.height = this.height;
    const pen = canvas.getContext("2d");
    const { song, pxPerS, height } = this;
    const fromS = (index * TILE_PX) / pxPerS;
    const toS = fromS + TILE_PX / pxPerS;
    this.paintMarks(pen, fromS, toS);
    const room = height / 2 - 3 * this.ratio;
    for (const [layer, stem] of song.stems.entries()) {
      pen.fillStyle = this.muted.includes(stem.role) ? this.colours.muted : this.colours[stem.role];
      for (let x = 0; x < TILE_PX; x += this.ratio) {
        const first = Math.floor((fromS + x / pxPerS) / song.columnS);
        if (first >= stem.rms.length) break;
        let below = 0;
        for (let other = 0; other < layer; other += 1) below += song.stems[other].rms[first];
        const scale = room / song.loudest;
        const from = Math.round(below * scale);
        const tall = Math.max(Math.round(stem.rms[first] * scale), 0);
        if (!tall) continue;
        pen.fillRect(x, height / 2 - from - tall, this.ratio, tall);
        pen.fillRect(x, height / 2 + from, this.ratio, tall);
      }
    }
    return canvas;
  }

  paintMarks(pen, fromS, toS) {
    const { analysis = {} } = this.song.track;
    const place = (s) => Math.round((s - fromS) * this.pxPerS);
    const lines = (times, colour, wide, tall) => {
      pen.fillStyle = colour;
      for (const s of within(times || [], fromS, toS)) pen.fillRect(place(s), this.height - tall, wide, tall);
    };
    const { ratio, height, colours } = this;
    const letters = 11 * ratio * this.size;
    lines(analysis.beatsS, colours.beat, ratio, 6 * ratio);
    lines(analysis.downbeatsS, colours.bar, ratio, height);
    pen.font = `${letters}px system-ui, sans-serif`;
    for (const section of analysis.sections || []) {
      const s = section.startS || 0;
      if (s < fromS - 200 / this.pxPerS * ratio || s > toS) continue;
      pen.fillStyle = colours.section;
      pen.fillRect(place(s), 0, 2 * ratio, height);
      pen.fillText(section.label || "", place(s) + 5 * ratio, letters);
    }
  }
}

/** Of rising times, those of a stretch. */
function within(times, fromS, toS) {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] < fromS) low = middle + 1;
    else high = middle;
  }
  const found = [];
  for (let at = low; at < times.length && times[at] < toS; at += 1) found.push(times[at]);
  return found;
}

/** The canvas of a deck. */
export class Scroll {
  /** @param {HTMLCanvasElement} canvas @param {string} name of the deck */
  constructor(canvas, name) {
    this.canvas = canvas;
    this.name = name;
    this.pen = canvas.getContext("2d", { alpha: false });
    this.song = null;
    this.pxPerS = PX_A_SECOND;
    this.tiles = null;
    this.drawn = "";
    new ResizeObserver(() => this.fit()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.fit());
  }

  fit() {
    this.ratio = Math.max(1, Math.round(devicePixelRatio || 1));
    this.size = parseFloat(getComputedStyle(document.documentElement).fontSize) / ORDINARY_PX;
    this.pxPerS = PX_A_SECOND * this.size;
    this.canvas.width = Math.max(1, Math.round(this.canvas.clientWidth * this.ratio));
    this.canvas.height = Math.max(1, Math.round(this.canvas.clientHeight * this.ratio));
    const style = getComputedStyle(this.canvas);
    const of = (name) => style.getPropertyValue(name).trim() || "#888";
    this.colours = {
      drums: of("--drums"), bass: of("--bass"), vocals: of("--vocals"), other: of("--other"), muted: of("--wave-muted"),
      beat: of("--wave-beat"), bar: of("--wave-bar"), section: of("--wave-section"), back: of("--wave-back"),
      needle: of("--wave-needle"), cue: of("--wave-cue"), loop: of("--wave-loop"),
    };
    this.tiles = null;
    this.drawn = "";
  }

  /** @param {Object|null} song of songOf */
  show(song) {
    this.song = song;
    this.tiles = null;
    this.drawn = "";
  }

  /** Nothing is drawn that looks the same. @param {Object} deck @param {number} positionS what is heard */
  draw(deck, positionS) {
    if (!this.colours) this.fit();
    const muted = silent(deck);
    const needle = Math.round(this.canvas.width * 0.35);
    const scale = this.pxPerS * this.ratio;
    const left = Math.round(positionS * scale) - needle;
    const told = `${left}|${muted}|${deck.loop?.startS},${deck.loop?.endS}|${JSON.stringify(deck.cues || [])}`;
    if (told === this.drawn) return false;
    this.drawn = told;
    const { pen, canvas, colours } = this;
    pen.fillStyle = colours.back;
    pen.fillRect(0, 0, canvas.width, canvas.height);
    if (this.song) {
      const key = `${muted}`;
      if (!this.tiles || this.tiles.key !== key) {
        this.tiles = new Tiles(this.song, canvas.height, scale, this.ratio, this.size, colours, muted);
        this.tiles.key = key;
      }
      const last = Math.floor((left + canvas.width) / TILE_PX);
      for (let index = Math.max(0, Math.floor(left / TILE_PX)); index <= last; index += 1) {
        if (index * TILE_PX < (this.song.track.durationS || 0) * scale) {
          pen.drawImage(this.tiles.get(index), index * TILE_PX - left, 0);
        }
      }
      this.overlay(deck, left, scale);
    }
    pen.fillStyle = colours.needle;
    pen.fillRect(needle - this.ratio, 0, 2 * this.ratio, canvas.height);
    return true;
  }

  overlay(deck, left, scale) {
    const { pen, canvas, colours, ratio } = this;
    if (deck.loop) {
      const from = (deck.loop.startS || 0) * scale - left;
      pen.globalAlpha = 0.28;
      pen.fillStyle = colours.loop;
      pen.fillRect(from, 0, (deck.loop.endS - (deck.loop.startS || 0)) * scale, canvas.height);
      pen.globalAlpha = 1;
    }
    const side = 14 * ratio * this.size;
    pen.font = `600 ${0.8 * side}px system-ui, sans-serif`;
    for (const cue of deck.cues || []) {
      const x = Math.round((cue.positionS || 0) * scale - left);
      pen.fillStyle = colours.cue;
      pen.fillRect(x, 0, 2 * ratio, canvas.height);
      pen.fillRect(x, canvas.height - side, side, side);
      pen.fillStyle = colours.back;
      pen.fillText(String(cue.number), x + 0.28 * side, canvas.height - 0.2 * side);
    }
  }
}

/** The roles that are not heard of a deck. */
export function silent(deck) {
  const soloed = (deck.soloed || []).map(roleOf);
  const muted = (deck.muted || []).map(roleOf);
  if (!soloed.length) return muted;
  return Object.keys(deck.levelsDb || {}).filter((role) => !soloed.includes(role) || muted.includes(role));
}

/** How far into its beat a song is, 0 to 1, and which beat of the bar; null without beats. */
export function beatOf(song, positionS) {
  const beats = song?.track.analysis?.beatsS;
  if (!beats?.length) return null;
  let low = 0;
  let high = beats.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (beats[middle] <= positionS) low = middle + 1;
    else high = middle;
  }
  const at = Math.max(0, low - 1);
  const from = beats[at];
  const to = beats[at + 1] ?? from + 0.5;
  return { phase: Math.min(Math.max((positionS - from) / (to - from), 0), 1), number: at };
}
