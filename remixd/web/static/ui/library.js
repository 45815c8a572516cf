// The library: what can be played, with its filters.

import { clockOf, h, remixd, say, tellError, bus, t } from "./base.js";

const PAUSE_MS = 180;
const PAGE = 60;

/** A searchable list; `onPlay(track)`. */
export class Library {
  constructor(onPlay) {
    this.onPlay = onPlay;
    this.turn = 0;
    this.playing = "";
    this.tracks = [];
    const field = (name, attributes) => h("input", { ...attributes, tLabel: `library.${name}`, tHint: `library.${name}`,
      oninput: () => this.soon() });
    this.text = field("search", { type: "search", autocomplete: "off", class: "wide" });
    this.key = field("key", { type: "text", autocomplete: "off" });
    this.from = field("bpm-from", { type: "number", min: 20, max: 400, inputmode: "numeric" });
    this.to = field("bpm-to", { type: "number", min: 20, max: 400, inputmode: "numeric" });
    this.list = h("ul", { class: "songs" });
    this.note = h("p", { class: "quiet" });
    this.more = h("button", { type: "button", class: "plain wide", t: "library.more", hidden: true, onclick: () => this.load(true) });
    this.element = h("section", { class: "library panel", tLabel: "library" },
      h("form", { class: "search", role: "search", onsubmit: (event) => event.preventDefault() },
        this.text, this.key, this.from, this.to),
      this.note, this.list, this.more);
    bus.on("language", () => this.draw());
  }

  soon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.load(), PAUSE_MS);
  }

  /** Look again; or, for `more`, on from where the list ends. */
  async load(more = false) {
    const mine = this.turn += 1;
    const asked = { pageSize: PAGE, pageToken: more ? this.next : "" };
    if (this.text.value.trim()) asked.text = this.text.value.trim();
    if (this.key.value.trim()) asked.key = this.key.value.trim();
    if (this.from.valueAsNumber > 0) asked.minBpm = this.from.valueAsNumber;
    if (this.to.valueAsNumber > 0) asked.maxBpm = this.to.valueAsNumber;
    try {
      const found = await remixd.call("Tracks/ListTracks", asked);
      if (mine !== this.turn) return;
      this.key.setCustomValidity("");
      this.tracks = [...(more ? this.tracks : []), ...(found.tracks || [])];
      this.next = found.nextPageToken || "";
      this.isFiltered = Object.keys(asked).length > 2;
      this.draw();
    } catch (error) {
      if (mine !== this.turn) return;
      if (error.code === "UNAVAILABLE") this.soon();
      else if (error.field === "key") this.key.setCustomValidity(error.message);
      else tellError(error);
    }
  }

  draw() {
    this.list.replaceChildren(...this.tracks.map((track) => this.row(track)));
    this.note.hidden = this.tracks.length > 0;
    this.more.hidden = !this.next;
    if (!this.tracks.length) say(this.note, this.isFiltered ? "library.none" : "library.empty");
  }

  row(track) {
    const facts = [track.bpm ? `${Math.round(track.bpm)} bpm` : "", track.camelot || track.key || "",
      clockOf(track.durationS)].filter(Boolean);
    return h("li", {},
      h("button", { class: "song", type: "button", "aria-current": track.id === this.playing ? "true" : null,
        title: t("library.play", { title: track.title }), onclick: () => this.onPlay(track) },
        h("span", { class: "song-title" }, track.title || track.id),
        h("span", { class: "song-artist" }, track.artist || ""),
        h("span", { class: "song-facts" }, facts.map((fact) => h("span", {}, fact)))));
  }

  /** Mark what plays. @param {string} track its id; "" for nothing */
  mark(track) {
    this.playing = track;
    this.draw();
  }

  /** The song after that one. */
  after(track) {
    const at = this.tracks.findIndex((each) => each.id === track);
    return this.tracks.length ? this.tracks[(at + 1) % this.tracks.length] : null;
  }
}
