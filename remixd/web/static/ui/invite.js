// The QR code by which phones join.

import { h, remixd, tell, tellError, t } from "./base.js";

const BORDER = 4;
const MODULE_PX = 6;

/** A dialog with the link of a session. */
export class Invite {
  constructor() {
    this.canvas = h("canvas", { class: "qr", role: "img", tLabel: "dj.qr" });
    this.link = h("input", { type: "text", readonly: true, tLabel: "dj.link" });
    this.caution = h("p", { class: "wrong" });
    this.copy = h("button", { type: "button", t: "dj.copy", onclick: () => this.copied() });
    this.close = h("button", { type: "button", t: "dj.close", onclick: () => this.element.close() });
    this.element = h("dialog", { class: "invite", tLabel: "dj.invite" }, h("h2", { t: "dj.invite" }), h("p", { t: "dj.invite-why" }),
      this.canvas, this.link, this.caution, h("div", { class: "row" }, this.copy, this.close));
  }

  /** @param {string} session */
  async show(session) {
    try {
      const made = await remixd.call("Sessions/CreateJoinToken", { session, site: location.origin });
      this.link.value = made.link;
      this.caution.textContent = made.caution || "";
      this.paint(made.qr || []);
      this.element.showModal();
    } catch (error) { tellError(error); }
  }

  paint(rows) {
    const side = rows.length + 2 * BORDER;
    this.canvas.width = this.canvas.height = side * MODULE_PX;
    const pen = this.canvas.getContext("2d");
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, this.canvas.width, this.canvas.height);
    pen.fillStyle = "#000";
    rows.forEach((row, y) => [...row].forEach((dark, x) => {
      if (dark === "1") pen.fillRect((x + BORDER) * MODULE_PX, (y + BORDER) * MODULE_PX, MODULE_PX, MODULE_PX);
    }));
  }

  async copied() {
    this.link.select();
    try {
      await navigator.clipboard.writeText(this.link.value);
      tell(t("dj.copied"));
    } catch { document.execCommand("copy"); }
  }
}
