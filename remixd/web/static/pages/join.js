// The page of a phone: consent, then wishes, votes, feelings and words; what everybody wants, and what one's own did.

import { bus, connection, h, keep, kept, language, origin, remixd as invited, say, speak, t, tell, tellError, token, wordsOf } from "../ui/base.js";
import "../ui/connection.js";
import "../ui/knobs.js";
import { DIMENSIONS, paintVotes } from "../ui/crowd.js";
import { Remixd, newId } from "../remixd.js";

const HANDLE_KEY = "remixd-fan";
const TASTE_KEY = "remixd-fan-taste";
const OFFERED = ["vocals", "drums", "bass", "other", "tempo", "brightness", "space", "drive", "density"];
const LIKELY = { tempo: [0.92, 1.08], brightness: [-6, 6] };
const EVERY_MS = 120;
const LOOK_MS = 4000;
/** The more take part, the rarer each looks: 2,000 every 8 s. */
const LOOK_MS_A_FAN = 2;
const session = decodeURIComponent(location.pathname.split("/")[2] || "");

/** Who this phone is: made at random, and kept only by those who said so. */
const handleOf = () => kept("local", HANDLE_KEY) || newId();

/** Become a fan: an invitation is good for this alone. */
async function join(handle) {
  const headers = { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}) };
  const answer = await fetch("/v1/Sessions/Join", { method: "POST", headers, body: JSON.stringify({ session, handle }) });
  const told = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(told.error?.message || ""), { code: told.error?.code || "UNAVAILABLE" });
  return told;
}

/** The page of one fan. */
class Fan {
  constructor(handle, keepsTaste) {
    Object.assign(this, { handle, keepsTaste, waiting: new Map(), faders: new Map(), holders: new Map(), votes: new Map(), isOver: false });
  }

  async begin() {
    const told = await join(this.handle);
    this.fan = told.fan;
    this.line = new Remixd(origin, { token: told.token || "", onState: (state) => {
      connection.state = state;
      bus.emit("connection", state);
      if (state === "open") this.again();
    } });
    this.signals = this.line.signals(session);
    this.build();
    this.look();
    this.lookOn();
  }

  /** Look now and then; no two phones in step. */
  lookOn() {
    const pauseMs = (LOOK_MS + (this.fans || 0) * LOOK_MS_A_FAN) * (0.75 + Math.random() / 2);
    this.looking = setTimeout(() => {
      this.look();
      this.lookOn();
    }, pauseMs);
  }

  build() {
    this.now = h("h1", { t: "join.title" });
    this.did = h("ul", { class: "did", "aria-live": "polite" }, h("li", { class: "quiet", t: "join.why-none" }));
    this.crowdRows = h("div", { class: "crowd-rows" });
    this.few = h("p", { class: "quiet", t: "join.few" });
    this.polls = h("section", { class: "panel", hidden: true }, h("h2", { t: "join.vote" }));
    const feel = (reaction) => h("button", { type: "button", t: `join.${reaction}`, "data-reaction": reaction,
      onclick: () => this.send({ reaction: `REACTION_${reaction.toUpperCase()}` }) });
    this.text = h("input", { type: "text", maxlength: 200, tHint: "join.text", tLabel: "join.text", autocomplete: "off" });
    const words = h("form", { class: "say-row" }, this.text, h("button", { type: "submit", t: "join.send" }));
    words.addEventListener("submit", (event) => { event.preventDefault(); this.speak(); });
    place.replaceChildren(h("div", { class: "playing-now" }, h("p", { class: "quiet", t: "join.playing" }), this.now),
      h("section", { class: "panel", tLabel: "join.feel" }, h("h2", { t: "join.feel" }), h("div", { class: "feelings-4" }, ...["like", "love", "dislike", "skip"].map(feel)), words),
      h("section", { class: "panel", tLabel: "join.mix" }, h("h2", { t: "join.mix" }), ...OFFERED.map((name) => this.fader(name))),
      this.polls,
      h("section", { class: "panel", tLabel: "join.why" }, h("h2", { t: "join.why" }), this.did),
      h("section", { class: "panel", tLabel: "join.crowd" }, h("h2", { t: "join.crowd" }), this.few, this.crowdRows),
      h("button", { type: "button", class: "forget", t: "join.forget", onclick: () => this.forget() }));
  }

  fader(name) {
    const range = DIMENSIONS[name];
    const [low, high] = LIKELY[name] || [range.low, range.high];
    const made = h("rx-fader", { class: `of-${name}`, label: t(`dimension.${name}`), "data-word": `dimension.${name}`, min: low, max: high,
      step: range.step, rest: range.rest, value: range.rest, scale: range.scale });
    made.format = range.format;
    made.addEventListener("input", (event) => this.wish(name, event.detail.value));
    made.addEventListener("change", (event) => this.wish(name, event.detail.value));
    this.faders.set(name, made);
    this.holders.set(name, h("p", { class: "held-by", hidden: true }));
    return h("div", {}, made, this.holders.get(name));
  }

  /** Of a dimension only the newest wish counts: it waits for a moment, and for the line. */
  wish(name, value) {
    if (this.wished?.get(name) === value && !this.waiting.has(name)) return;
    (this.wished ??= new Map()).set(name, value);
    this.waiting.set(name, value);
    this.timer ??= setTimeout(() => this.flush(), EVERY_MS);
  }

  async flush() {
    this.timer = null;
    const wishes = Object.fromEntries(this.waiting);
    if (!Object.keys(wishes).length || this.isSending) return;
    this.waiting.clear();
    this.isSending = true;
    try {
      const list = Object.entries(wishes).map(([dimension, value]) => ({ dimension, value }));
      this.take(await this.signals.send(this.signal({ wishes: list })));
    } catch (error) {
      if (error.code === "UNAVAILABLE") {
        for (const [name, value] of Object.entries(wishes)) if (!this.waiting.has(name)) this.waiting.set(name, value);
      } else this.failed(error);
    }
    this.isSending = false;
    if (this.waiting.size) this.timer ??= setTimeout(() => this.flush(), EVERY_MS * 4);
  }

  /** The line is back: what was wished meanwhile, and what a finger holds, is sent. */
  again() {
    for (const [name, fader] of this.faders) if (fader.held) this.waiting.set(name, fader.value);
    if (this.waiting.size) this.timer ??= setTimeout(() => this.flush(), 0);
  }

  signal(more) { return { ...more, fan: this.fan, consent: this.keepsTaste ? "CONSENT_TASTE" : "CONSENT_SESSION" }; }

  async send(more) {
    try {
      const answer = await this.signals.send(this.signal(more));
      this.hasActed = true;
      this.take(answer, true);
      return answer;
    } catch (error) {
      this.failed(error);
      return null;
    }
  }

  take(answer, isTold = false) {
    if (!answer.accepted) tell(answer.reason, true);
    else if (isTold) tell(answer.understood ? t("join.understood", { told: answer.understood }) : t("join.sent"));
    for (const clamp of answer.clamps || []) tell(clamp.because);
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.look(), 400);
  }

  async speak() {
    const text = this.text.value.trim();
    if (text && (await this.send({ text }))?.accepted) this.text.value = "";
  }

  show(status) {
    const title = status.decks?.find((deck) => deck.track === status.track)?.title || "";
    if (title && this.now.textContent !== title) {
      delete this.now.dataset.t;
      this.now.textContent = title;
    }
    for (const [name, holder] of this.holders) {
      const by = status.authority?.[name];
      holder.hidden = !by;
      if (by) say(holder, `join.held.${by}`);
    }
    if (this.wished) return;
    for (const [name, fader] of this.faders) if (status.mix?.[name] !== undefined) fader.show(status.mix[name]);
  }

  /** How it stands, what everybody wants, and what one's own wishes did: asked now and then, since to follow a session
   * is to be told of everybody's signals. */
  async look() {
    if (this.isOver || document.hidden || this.isLooking) return;
    this.isLooking = true;
    try {
      this.show((await this.line.call("Sessions/GetSession", { session, readMask: "mix,track,decks,authority" })).session);
      const told = await this.line.audience.crowd(session);
      this.few.hidden = Boolean(told.crowd);
      this.fans = told.crowd?.fans;
      if (told.crowd) this.showCrowd(told.crowd);
      if (this.wished || this.hasActed) await this.explain();
    } catch (error) {
      if (["PERMISSION_DENIED", "UNAUTHENTICATED", "NOT_FOUND"].includes(error.code)) this.end(t("join.over"));
    }
    this.isLooking = false;
  }

  async explain() {
    try {
      const all = await this.line.audience.explain(session, this.fan);
      const moved = all.filter((each) => (each.reasons || []).length);
      if (!moved.length) return;
      this.did.replaceChildren(...moved.map((each) => h("li", { class: `of-${each.dimension}` }, h("b", { t: `dimension.${each.dimension}` }), " ",
        DIMENSIONS[each.dimension]?.format(each.value || 0) || "", h("ul", { class: "parts" }, each.reasons.map((reason) => h("li", {},
          h("span", {}, reason.what), h("span", { class: "change" }, signed(reason.change || 0))))),
        each.heldBy ? h("p", { class: "held-by", t: `why.held.${each.heldBy}` }) : null)));
    } catch (error) { if (error.code !== "NOT_FOUND") throw error; }
  }

  showCrowd(crowd) {
    const rows = (crowd.dimensions || []).filter((each) => each.fans);
    this.crowdRows.replaceChildren(...rows.map((each) => {
      const canvas = h("canvas", { role: "img", "aria-label": `${t(`dimension.${each.dimension}`)} ${DIMENSIONS[each.dimension].format(each.wanted || 0)}` });
      const row = h("div", { class: `crowd-row of-${each.dimension}` }, h("span", {}, t(`dimension.${each.dimension}`)), canvas);
      requestAnimationFrame(() => paintVotes(canvas, each.dimension, { histogram: each.histogram, wanted: each.wanted || 0 }));
      return row;
    }));
    const polls = Object.entries(crowd.polls || {});
    this.polls.hidden = !polls.length;
    this.polls.replaceChildren(h("h2", { t: "join.vote" }), ...polls.map(([name, poll]) => this.poll(name, poll)));
  }

  poll(name, poll) {
    return h("fieldset", { class: "poll" }, h("legend", {}, name), ...Object.entries(poll.shares || {}).map(([option, share]) => {
      const made = h("button", { type: "button", "aria-pressed": String(this.votes.get(name) === option), onclick: () => {
        this.votes.set(name, option);
        this.send({ choices: { [name]: option } });
      } }, h("span", {}, option), h("span", {}, `${Math.round(share * 100)} %`));
      made.style.setProperty("--share", String(share));
      return made;
    }));
  }

  async forget() {
    try {
      const gone = await this.line.audience.forget(this.fan);
      tell(t("join.forgotten", { signals: gone.signals || 0 }));
    } catch (error) {
      if (error.code !== "NOT_FOUND") return tellError(error);
      tell(t("join.forgotten", { signals: 0 }));
    }
    keep("local", HANDLE_KEY, "");
    keep("local", TASTE_KEY, "");
    this.end("");
    return consent();
  }

  failed(error) {
    if (error.code === "NOT_FOUND" || error.code === "UNAUTHENTICATED") this.end(t("join.over"));
    else tellError(error);
  }

  end(words) {
    if (this.isOver) return;
    this.isOver = true;
    clearTimeout(this.looking);
    this.line?.close();
    if (words) place.replaceChildren(h("p", { class: "panel", role: "alert" }, words));
  }
}

const signed = (change) => `${change > 0 ? "+" : ""}${Math.round(change * 100) / 100}`;

const place = h("main", { class: "phone" });
document.body.append(h("header", { class: "phone phone-top" },
  h("span", { class: "mark" }, h("span", { class: "bars", "aria-hidden": "true" }, ["drums", "bass", "vocals", "other"].map((role) => h("i", { class: `of-${role}` }))), "remixd"),
  h("rx-connection", {}),
  h("button", { class: "plain", type: "button", t: "other-language", onclick: () => speak(language() === "en" ? "ko" : "en") })), place);
bus.on("language", () => {
  for (const each of document.querySelectorAll("[data-word]")) each.setAttribute("label", t(each.dataset.word));
});
invited.close();

/** First what is kept is told; nothing is sent before. */
function consent() {
  const taste = h("input", { type: "checkbox", id: "taste", checked: Boolean(kept("local", TASTE_KEY)) });
  const go = h("button", { type: "button", class: "strong", t: "join.go" });
  const wrong = h("p", { class: "wrong", role: "alert" });
  go.addEventListener("click", async () => {
    go.disabled = true;
    const handle = handleOf();
    const fan = new Fan(handle, taste.checked);
    try {
      await fan.begin();
      keep("local", HANDLE_KEY, taste.checked ? handle : "");
      keep("local", TASTE_KEY, taste.checked ? "1" : "");
      Object.assign(window, { remixdFan: fan });
    } catch (error) {
      wrong.textContent = error.code === "NOT_FOUND" || error.code === "UNAUTHENTICATED" || error.code === "PERMISSION_DENIED"
        ? t("join.over") : wordsOf(error);
      go.disabled = false;
    }
  });
  place.replaceChildren(h("section", { class: "consent" }, h("h1", { t: "join.title" }), h("p", { t: "join.ask" }), h("p", { class: "quiet", t: "join.kept" }),
    h("label", { class: "tick", for: "taste" }, taste, h("span", { t: "join.taste" })), go, wrong));
}

if (session) consent();
else say(place, "join.over");
