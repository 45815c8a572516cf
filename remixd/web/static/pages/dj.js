// The DJ's console: a session, its decks, what is mixed, and the crowd.

import { bus, connected, h, hold, remixd, t, tell, tellError, wordsOf } from "../ui/base.js";
import "../ui/knobs.js";
import { newId } from "../remixd.js";
import { frame } from "../ui/frame.js";
import { Sound } from "../ui/audio.js";
import { button, controls } from "../ui/controls.js";
import { CrowdPanel } from "../ui/crowd.js";
import { Crossfader } from "../ui/crossfader.js";
import { DeckPanel } from "../ui/deck.js";
import { Desk } from "../ui/desk.js";
import { Invite } from "../ui/invite.js";
import { Keys } from "../ui/keys.js";
import { Midi } from "../ui/midi.js";
import { Master, MixPanel } from "../ui/mixing.js";
import { Shelf } from "../ui/shelf.js";

const NAMES = ["A", "B", "C", "D"];
const RATE = 48000;

/** The page, once there is a session. */
class ConsolePage {
  constructor(session) {
    this.session = session;
    this.told = null;
    this.desk = new Desk(session.id);
    this.panels = NAMES.map((name) => new DeckPanel(name, this.desk, { quantum: () => this.mixing.quantum.querySelector("select").value }));
    this.byName = new Map(this.panels.map((panel) => [panel.name, panel]));
    this.chosenName = "A";
    const chosen = () => this.byName.get(this.chosenName);
    this.mixing = new MixPanel(this.desk, chosen);
    this.cross = new Crossfader(this.panels);
    this.master = new Master();
    this.crowd = new CrowdPanel(this.desk);
    this.shelf = new Shelf((deck, track) => this.load(deck, track), chosen);
    this.midi = new Midi();
    this.invite = new Invite();
    this.keys = new Keys({ choose: (name) => this.choose(name), chosen, search: () => this.shelf.text.focus() });
    this.build();
    this.listen();
  }

  build() {
    const tabs = h("div", { class: "deck-tabs", role: "group", tLabel: "dj.decks" }, ...NAMES.map((name) => h("button", {
      type: "button", "data-tab": name, "aria-pressed": "false", tLabel: "dj.deck", tValues: { name }, onclick: () => this.choose(name) }, name)));
    this.lost = h("p", { class: "banner wrong", role: "alert", hidden: true });
    this.hear = button("hear", "dj.hear", () => this.hearIt(), { toggles: true });
    const bar = h("div", { class: "row session-bar", role: "group", tLabel: "dj.session" }, this.hear, button("invite", "dj.invite", () => this.invite.show(this.session.id), {}),
      button("panic", "panic", () => this.panic(), { class: "panic", key: "Shift+Delete" }),
      h("button", { type: "button", t: "keys.show", "aria-keyshortcuts": "?", onclick: () => this.keys.show() }));
    document.querySelector(".top rx-connection").before(bar);
    place.replaceChildren(h("h1", { class: "unseen", t: "dj.console" }), this.lost,
      h("div", { class: "waves" }, ...this.panels.map((panel) => panel.wave)), tabs,
      h("div", { class: "decks" }, ...this.panels.map((panel) => panel.element)),
      h("div", { class: "centre" }, this.cross.element, this.master.element),
      h("div", { class: "below" }, this.shelf.element, this.mixing.element, this.midi.element, this.crowd.element),
      this.invite.element, this.keys.sheet);
    this.choose("A");
    this.shelf.find();
    this.midi.show();
  }

  listen() {
    bus.on("desk", (status) => this.show(status));
    bus.on("desk-lost", (words) => this.banner(words));
    bus.on("desk-over", (error) => { this.banner(`${wordsOf(error)} ${t("dj.over")}`); this.isOver = true; });
    bus.on("deck-chosen", (name) => this.choose(name));
    bus.on("language", () => { if (this.desk.status) this.show(this.desk.status); });
    this.watch();
    const frame = (nowMs) => {
      if (this.isOver) return;
      this.draw(nowMs);
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }

  async watch() {
    try {
      for await (const event of remixd.watch(this.session.id)) {
        if (!event.status) continue;
        this.told = event.status;
        this.master.show(event.status);
      }
    } catch (error) { if (!this.isOver) this.banner(wordsOf(error)); }
  }

  banner(words) {
    this.lost.hidden = !words;
    this.lost.textContent = words;
  }

  choose(name) {
    this.chosenName = name;
    for (const panel of this.panels) {
      panel.element.classList.toggle("chosen", panel.name === name);
      panel.wave.classList.toggle("chosen", panel.name === name);
    }
    for (const tab of document.querySelectorAll("[data-tab]")) tab.setAttribute("aria-pressed", String(tab.dataset.tab === name));
  }

  show(status) {
    for (const deck of status.decks || []) this.byName.get(deck.name)?.show(deck);
    this.cross.show();
    this.crowd.show(status, this.told);
  }

  /** From what is heard to what the decks say, in seconds: by what is heard here, else by what the daemon says. */
  behindS() {
    const at = this.desk.status?.clock?.sample;
    const here = this.sound?.heardSample;
    if (at !== undefined && here) return Math.min(Math.max((at - here) / RATE + (performance.now() - this.desk.gotMs) / 1000, 0), 2);
    const { clock, heard } = this.told || {};
    return clock && heard ? ((clock.sample || 0) - (heard.sample || 0)) / RATE : 0;
  }

  draw(nowMs) {
    const behindS = this.behindS();
    const leading = this.panels.find((panel) => panel.deck?.leading) || this.panels.find((panel) => panel.deck?.state === "DECK_STATE_PLAYING");
    for (const panel of this.panels) panel.draw(nowMs, behindS, panel === leading ? null : leading?.beat || null);
  }

  async load(deck, track) {
    const answer = await this.desk.act({ deck, load: { track: track.id } });
    if (answer?.accepted) this.choose(deck);
  }

  async hearIt() {
    const on = this.hear.getAttribute("aria-pressed") !== "true";
    try {
      this.sound ??= new Sound();
      if (on) await this.sound.listen(this.session.id);
      else this.sound.leave();
      this.hear.setAttribute("aria-pressed", String(on));
    } catch (error) { tellError(error); }
  }

  async panic() {
    try {
      await remixd.sessions.panic(this.session.id);
      tell(t("panic.done"));
    } catch (error) { tellError(error); }
  }
}

/** The list of sessions, and new ones. */
async function choose() {
  const asked = new URLSearchParams(location.search).get("session");
  await connected();
  const all = await remixd.sessions.list();
  if (asked) return all.find((each) => each.id === asked) || remixd.sessions.get(asked);
  if (all.length === 1) return all[0];
  return new Promise((resolve) => {
    let isOpening = false;
    const open = async (make) => {
      if (isOpening) return;
      isOpening = true;
      try { resolve(await make({ requestId: newId() })); } catch (error) { tellError(error); }
      isOpening = false;
    };
    const tracks = h("select", { id: "directed-track" });
    remixd.tracks.list().then((found) => tracks.append(...found.map((each) => h("option", { value: each.id }, each.title))), tellError);
    place.replaceChildren(h("section", { class: "choose" }, h("h2", { t: "dj.which" }),
      h("ul", {}, ...all.map((each) => h("li", {}, h("button", { type: "button", onclick: () => resolve(each) },
        `${each.id} · ${each.decks?.find((deck) => deck.title)?.title || each.track || "–"}`)))),
      h("button", { type: "button", class: "strong", t: "dj.new", onclick: () => open((more) => remixd.sessions.create("", more)) }),
      h("h2", { t: "dj.new-directed" }), h("div", { class: "row" }, h("label", { for: "directed-track", t: "dj.title" }), tracks,
        h("button", { type: "button", t: "dj.begin", onclick: () => open((more) => remixd.sessions.create(tracks.value, { ...more, mode: "SESSION_MODE_DIRECTED" })) }))));
  });
}

bus.on("language", () => {
  for (const each of document.querySelectorAll("[data-word]")) each.setAttribute("label", t(each.dataset.word));
});
const place = frame("dj", h("p", { class: "quiet", t: "starting" }));
place.classList.add("console");

try {
  const session = await choose();
  hold(session.id, true).catch(() => {}); // a listener's page that leaves does not end it any more
  history.replaceState(null, "", `${location.pathname}?session=${encodeURIComponent(session.id)}`);
  const page = new ConsolePage(session);
  Object.assign(window, { remixdConsole: page, remixdControls: controls });
} catch (error) {
  place.replaceChildren(h("p", { class: "banner wrong", role: "alert" }, wordsOf(error)), h("a", { href: "/dj", t: "dj.again" }));
}
