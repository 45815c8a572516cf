// Hands on the decks of one session: what they do gets there, once and in order, also over a lost line.

import { bus, remixd, t, tell, tellError } from "./base.js";

const EVERY_MS = 30;
const AGAIN_MS = 400;
const ENDED = new Set(["NOT_FOUND", "PERMISSION_DENIED", "UNAUTHENTICATED", "INVALID_ARGUMENT"]);

/**
 * A console of one session, taken again whenever the line is lost. `status` is the newest ConsoleStatus, `gotMs` when it
 * came. Emits "desk" (a status), "desk-applied", "desk-lost" (in words; "" once it is back) on the bus.
 */
export class Desk {
  /** @param {string} session */
  constructor(session) {
    this.session = session;
    this.status = null;
    this.gotMs = 0;
    this.isOver = false;
    this.moves = new Map();
    this.timers = new Map();
    this.sent = new Map();
    this.run();
  }

  async run() {
    while (!this.isOver) {
      const taken = remixd.console(this.session);
      let error = null;
      try {
        await taken.ready;
        this.console = taken;
        bus.emit("desk-lost", "");
        this.again();
        for await (const event of taken.events) this.take(event);
      } catch (caught) { error = caught; }
      if (this.console === taken) this.console = null;
      if (this.isOver) return;
      if (error && ENDED.has(error.code)) {
        this.end();
        bus.emit("desk-over", error);
        return;
      }
      bus.emit("desk-lost", t("dj.lost"));
      await new Promise((resolve) => { setTimeout(resolve, AGAIN_MS); });
    }
  }

  take(event) {
    if (event.status) {
      this.status = event.status;
      this.gotMs = performance.now();
      bus.emit("desk", event.status);
    } else if (event.applied) bus.emit("desk-applied", event.applied);
    else if (event.refused) tell(t("dj.refused", { told: event.refused.reason }), true);
    else if (event.lost) {
      this.end();
      bus.emit("desk-over", { code: "UNAVAILABLE", message: event.lost.reason });
    }
  }

  /** A deck by its letter, as it was told last. @param {string} name */
  deck(name) { return this.status?.decks?.find((each) => each.name === name) || { name, state: "DECK_STATE_EMPTY" }; }

  /**
   * Do something once: tell what was clamped, or why not. @param {Object} command see message DeckCommand
   * @returns {Promise<Object|null>} the answer; null without one
   */
  async act(command) {
    if (!this.console) {
      tell(t("dj.no-line"), true);
      return null;
    }
    try {
      const answer = await this.console.perform(command);
      if (!answer.accepted) tell(answer.reason, true);
      for (const each of answer.clamps || []) tell(each.because);
      return answer;
    } catch (error) {
      tellError(error);
      return null;
    }
  }

  /**
   * Move something that is moved on and on: only the newest value of a key is sent, and again after a lost line
   * while `isHeld`. @param {string} key @param {Object} command @param {function(): boolean} isHeld
   */
  move(key, command, isHeld = () => false) {
    this.moves.set(key, { command, isHeld });
    if (this.timers.has(key)) return;
    this.flush(key);
    this.timers.set(key, setTimeout(() => {
      this.timers.delete(key);
      const now = this.moves.get(key);
      if (now && !now.isSent) this.move(key, now.command, now.isHeld);
    }, EVERY_MS));
  }

  flush(key) {
    const move = this.moves.get(key);
    if (!move || !this.console) return;
    move.isSent = true;
    this.console.perform(move.command).then((answer) => {
      if (!answer.accepted) this.tellOnce(key, answer.reason);
      else for (const each of answer.clamps || []) this.tellOnce(key, each.because);
    }, () => { move.isSent = false; });
  }

  /** Hands that were on something when the line was lost still count, and so does what never got there. */
  again() {
    for (const [key, move] of this.moves) {
      if (!move.isSent || move.isHeld()) this.flush(key);
    }
  }

  /** A drag asks many times a second: a reason is told once a while. */
  tellOnce(key, text) {
    const now = performance.now();
    if (now - (this.sent.get(key + text) || -1e9) < 4000) return;
    this.sent.set(key + text, now);
    tell(text);
  }

  /** The session is left, or is over. */
  end() {
    this.isOver = true;
    this.console?.close();
    for (const timer of this.timers.values()) clearTimeout(timer);
  }
}

/** Where a deck is heard now, between what was told: it goes on by itself, and is drawn to what is told. */
export class Place {
  constructor() { this.at = null; }

  /**
   * @param {Object} deck as told last @param {number} gotMs when that came @param {number} behindS from what is heard to it
   * @param {number} nowMs @returns {number} seconds of the song
   */
  read(deck, gotMs, behindS, nowMs) {
    const pace = deck.state === "DECK_STATE_PLAYING" ? (deck.tempo || 1) * (deck.backwards ? -1 : 1) : 0;
    const ageS = Math.min((nowMs - gotMs) / 1000, 0.5);
    let told = (deck.positionS || 0) + (ageS - behindS) * pace;
    if (deck.loop && pace > 0 && deck.positionS < deck.loop.endS) {
      const { startS = 0, endS } = deck.loop;
      const lengthS = endS - startS;
      if (told >= endS) told = startS + ((told - startS) % lengthS);
      else if (told < startS && deck.positionS >= startS) told = Math.max(told, startS);
    }
    if (pace === 0 || this.at === null || Math.abs(told - this.at) > 0.12) this.at = told;
    else {
      this.at += ((nowMs - this.ms) / 1000) * pace;
      this.at += (told - this.at) * 0.08;
    }
    this.ms = nowMs;
    return Math.max(0, this.at);
  }
}
