// Why it sounds like this: of each dimension that is not at rest, what it comes from, told again as it changes.

import { bus, h, knows, remixd, t, tellError } from "./base.js";
import { DIMENSIONS } from "./mixer.js";

const PAUSE_MS = 400;
const SHOWN = 4;

/** The reasons of the session that `session()` names, for one fan. */
export class Why {
  constructor(session, fan) {
    this.session = session;
    this.fan = fan;
    this.list = h("ul", { class: "reasons" });
    this.element = h("section", { class: "panel why" }, h("h2", { t: "why" }), this.list);
    this.found = [];
    bus.on("language", () => this.draw());
    this.draw();
  }

  /** Something changed. */
  soon() {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.load();
    }, PAUSE_MS);
  }

  async load() {
    const session = this.session();
    if (!session) {
      this.found = [];
      this.draw();
      return;
    }
    try {
      this.found = await this.ask(session);
    } catch (error) {
      if (error.code !== "UNAVAILABLE" && error.code !== "NOT_FOUND") tellError(error);
      return;
    }
    this.draw();
  }

  async ask(session) {
    try {
      return await remixd.audience.explain(session, this.fan);
    } catch (error) {
      if (error.code !== "NOT_FOUND") throw error;
      return remixd.audience.explain(session);
    }
  }

  draw() {
    const rows = this.found.filter((each) => each.reasons?.length || each.heldBy).map((each) => this.row(each));
    this.list.replaceChildren(...(rows.length ? rows : [h("li", { class: "quiet", t: "why.nothing" })]));
  }

  row(told) {
    const { format } = DIMENSIONS[told.dimension] || { format: String };
    const held = told.heldBy ? `why.held.${told.heldBy}` : "";
    return h("li", { class: `of-${told.dimension}` },
      h("span", { class: "reason-head" },
        h("span", { class: "reason-name" }, t(`dimension.${told.dimension}`)),
        h("span", { class: "reason-value" }, format(told.value || 0))),
      h("ul", { class: "parts" }, shortened(told.reasons || []).map((each) => this.part(each))),
      held ? h("span", { class: "held-by" }, knows(held) ? t(held) : told.heldBy) : null);
  }

  part(reason) {
    const signal = reason.signals?.at(-1);
    const change = Math.round((reason.change || 0) * 100) / 100;
    return h("li", {}, h("span", {}, reason.what), h("span", { class: "change" }, `${change > 0 ? "+" : ""}${change}`),
      signal ? h("button", { class: "undo", type: "button", tLabel: "why.undo", onclick: () => this.undo(signal) }, "↺") : null);
  }

  async undo(signal) {
    try {
      this.found = await remixd.audience.undo(this.session(), this.fan, signal);
      this.draw();
      bus.emit("undone", signal);
    } catch (error) {
      tellError(error);
    }
  }
}

/** The last reasons one by one, and the sum of those before: the changes still add up. */
function shortened(reasons) {
  if (reasons.length <= SHOWN) return reasons;
  const early = reasons.slice(0, reasons.length - SHOWN + 1);
  const change = early.reduce((sum, each) => sum + (each.change || 0), 0);
  return [{ what: t("why.earlier", { count: early.length }), change }, ...reasons.slice(early.length)];
}
