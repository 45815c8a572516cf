// What a hand wishes gets there: the newest value of each dimension, one call at a time, again after a lost line.

import { bus, connected, remixd, tellError } from "./base.js";
import { newId } from "../remixd.js";

/** The wishes of one fan to one session. */
export class Hand {
  /**
   * @param {string} session @param {string} fan
   * @param {{onAnswer?: function(Object): void, onSend?: function(string, number): void}} more
   */
  constructor(session, fan, more = {}) {
    this.session = session;
    this.fan = fan;
    this.more = more;
    this.waiting = new Map();
    this.holds = new Map();
    this.isSending = false;
    this.isOver = false;
    this.stop = bus.on("connection", (state) => { if (state === "open") this.again(); });
  }

  /**
   * Wish a value; of a dimension only the newest is sent. @param {string} dimension @param {number} value
   * @param {number} atMs when the hand moved, by performance.now()
   */
  wish(dimension, value, atMs = performance.now()) {
    this.holds.set(dimension, value);
    this.waiting.set(dimension, { value, atMs });
    this.send();
  }

  /** The hand is off it: what it wished stays as sent, and is not sent again. */
  letGo(dimension) { this.holds.delete(dimension); }

  /** After a lost line: what hands hold still counts. */
  again() {
    for (const [dimension, value] of this.holds) {
      if (!this.waiting.has(dimension)) this.waiting.set(dimension, { value, atMs: performance.now() });
    }
    this.send();
  }

  async send() {
    if (this.isSending || this.isOver) return;
    this.isSending = true;
    while (this.waiting.size && !this.isOver) {
      const batch = new Map(this.waiting);
      this.waiting.clear();
      await this.deliver(batch);
    }
    this.isSending = false;
  }

  async deliver(batch) {
    const id = newId();
    const wishes = [...batch].map(([dimension, { value }]) => ({ dimension, value }));
    this.more.onSend?.(id, Math.min(...[...batch.values()].map((each) => each.atMs)));
    try {
      const signal = { id, fan: this.fan, wishes };
      const told = await remixd.call("Audience/SendSignals", { session: this.session, signals: [signal] });
      this.more.onAnswer?.(told.answers[0], batch);
    } catch (error) {
      if (error.code !== "UNAVAILABLE" && error.code !== "RESOURCE_EXHAUSTED") {
        tellError(error);
        return;
      }
      for (const [dimension, wish] of batch) {
        if (!this.waiting.has(dimension)) this.waiting.set(dimension, wish);
      }
      await new Promise((resolve) => { setTimeout(resolve, 250); });
      await connected();
    }
  }

  /** The session is over. */
  end() {
    this.isOver = true;
    this.stop();
  }
}
