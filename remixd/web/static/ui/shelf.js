// The library of the console: search, what fits in key, and onto which deck.

import { clockOf, h, remixd, t, tellError } from "./base.js";

const PAUSE_MS = 180;
const PAGE = 60;

/** A list of songs that can be put on decks. */
export class Shelf {
  /** @param {function(string, Object): void} load takes a deck and a TrackSummary @param {function(): Object} chosen the deck panel of now */
  constructor(load, chosen) {
    Object.assign(this, { load, chosen, asked: 0 });
    this.text = h("input", { type: "search", id: "search", tHint: "library.search", tLabel: "library.search", autocomplete: "off",
      oninput: () => this.soon() });
    this.fits = h("input", { type: "checkbox", id: "fits", onchange: () => this.find() });
    this.rows = h("tbody");
    this.none = h("p", { class: "hint", role: "status" });
    this.element = h("section", { class: "shelf", tLabel: "library" }, h("h2", { t: "library" }),
      h("div", { class: "row" }, this.text, h("label", { class: "tick", for: "fits" }, this.fits, h("span", { t: "dj.fits" }))),
      h("div", { class: "scroller" }, h("table", {}, h("thead", {}, h("tr", {},
        ...["dj.title", "dj.bpm", "dj.key", "dj.length", "dj.onto"].map((word) => h("th", { scope: "col", t: word })))), this.rows)), this.none);
  }

  soon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.find(), PAUSE_MS);
  }

  /** What the deck of now is in, as keys are asked for. */
  get key() { return this.chosen()?.song?.track.analysis?.key || ""; }

  async find() {
    const asked = this.asked += 1;
    try {
      const key = this.fits.checked ? this.key : "";
      const page = await remixd.call("Tracks/ListTracks", { text: this.text.value.trim(), key, pageSize: PAGE });
      if (asked !== this.asked) return;
      this.rows.replaceChildren(...(page.tracks || []).map((row) => this.row(row)));
      this.none.textContent = page.tracks?.length ? "" : t("library.none");
    } catch (error) { tellError(error); }
  }

  row(track) {
    const onto = (deck) => h("button", { type: "button", class: "small", tLabel: "dj.load", tValues: { title: track.title, deck },
      onclick: () => this.load(deck, track) }, deck);
    return h("tr", {}, h("th", { scope: "row" }, track.title, h("small", {}, track.artist || "")),
      h("td", { class: "fig" }, track.bpm ? track.bpm.toFixed(1) : "–"), h("td", {}, track.camelot || track.key || "–"),
      h("td", { class: "fig" }, clockOf(track.durationS)), h("td", { class: "pair" }, ...["A", "B", "C", "D"].map(onto)));
  }
}
