// A key for every control: the deck of now, its hands, and the sheet that `?` shows.

import { h, t } from "./base.js";
import { controls } from "./controls.js";

const FOCUS = { F: "fader", H: "high", M: "mid", N: "low", J: "filter", G: "tempo", O: "pitch", A: "seek" };
const CODES = { "[": "BracketLeft", "]": "BracketRight", ",": "Comma", ".": "Period", "-": "Minus", "/": "Slash" };
const GLOBAL = { Z: ["cross", -0.05], X: ["cross", 0.05] };

const codeOf = (key) => {
  const parts = key.split("+");
  const last = parts.pop();
  const code = CODES[last] || (/^[A-Z]$/.test(last) ? `Key${last}` : /^\d$/.test(last) ? `Digit${last}` : last);
  return [...parts, code].join("+");
};
const pressed = (event) => [event.ctrlKey && "Ctrl", event.altKey && "Alt", event.shiftKey && "Shift", event.code].filter(Boolean).join("+");

/** Keys of the console. */
export class Keys {
  /** @param {{choose: function(string): void, chosen: function(): Object, search: function(): void}} page */
  constructor(page) {
    this.page = page;
    this.sheet = h("dialog", { class: "keys", tLabel: "keys" });
    this.held = new Set();
    addEventListener("click", (event) => {  // Space is the deck's again once a button was pressed by hand
      if (event.detail > 0 && !event.target.closest?.("dialog")) event.target.closest?.("button")?.blur();
    });
    addEventListener("keydown", (event) => this.down(event));
    addEventListener("keyup", (event) => this.up(event));
  }

  /** A table from what is pressed to a control, for the deck of now. */
  table() {
    const deck = this.page.chosen().name;
    const found = new Map();
    for (const control of controls.values()) {
      if (!control.key) continue;
      const [first] = control.id.split(".");
      if (/^[A-D]$/.test(first) && first !== deck) continue;
      found.set(codeOf(control.key), control);
    }
    return found;
  }

  down(event) {
    if (event.metaKey || event.isComposing) return;
    const at = event.target;
    if (at.closest?.("input, select, textarea, dialog[open]")) return;
    const isOn = at.closest?.("[role=slider]");
    const isButton = at.closest?.("button, a");
    if (isOn && /^(Arrow|Page|Home|End|Delete|Backspace)/.test(event.code)) return;
    if (isButton && (event.code === "Space" || event.code === "Enter")) return;
    if (this.act(event)) event.preventDefault();
  }

  act(event) {
    const now = pressed(event);
    if (event.key === "?") return this.show();
    if (now === "Slash") return this.page.search() || true;
    if (/^Digit[1-4]$/.test(now)) return this.page.choose("ABCD"[Number(now.at(-1)) - 1]) || true;
    const letter = now.startsWith("Key") ? now.slice(3) : "";
    if (letter in FOCUS) return controls.get(`${this.page.chosen().name}.${FOCUS[letter]}`).element.focus() || true;
    if (letter in GLOBAL) return this.nudge(...GLOBAL[letter]);
    if (now === "Comma" || now === "Period") {
      if (!event.repeat) this.page.chosen().bend(now === "Comma" ? -1 : 1);
      this.held.add(event.code);
      return true;
    }
    if (/^Shift\+Key[QWERTYUI]$/.test(now)) return this.page.chosen().clearCue("QWERTYUI".indexOf(event.code.at(-1)) + 1) || true;
    const control = this.table().get(now);
    if (!control || (event.repeat && !/Arrow|Bracket/.test(event.code))) return Boolean(control);
    control.press();
    return true;
  }

  up(event) {
    if (this.held.delete(event.code)) this.page.chosen().bend(0);
  }

  nudge(id, by) {
    const control = controls.get(id);
    control.move(control.read() + by);
    return true;
  }

  /** The sheet of keys. */
  show() {
    const deck = this.page.chosen().name;
    const line = (key, words) => h("tr", {}, h("th", { scope: "row" }, h("kbd", {}, key)), h("td", {}, words));
    const own = [...controls.values()].filter((each) => each.key && (!/^[A-D]\./.test(each.id) || each.id.startsWith(`${deck}.`)));
    const focus = Object.entries(FOCUS).map(([key, id]) => line(key, controls.get(`${deck}.${id}`).words()));
    this.sheet.replaceChildren(h("h2", { t: "keys" }), h("p", { t: "keys.why" }), h("table", {}, h("tbody", {},
      line("1 – 4", t("keys.deck")), line("/", t("library.search")), line("Z  X", t("dj.crossfader")), line("Shift+Q … I", t("dj.clear-cue")),
      ...own.map((each) => line(each.key, each.words())), ...focus, line("Tab ↑ ↓", t("keys.any")))),
    h("button", { type: "button", t: "dj.close", onclick: () => this.sheet.close() }));
    if (!this.sheet.open) this.sheet.showModal();
    return true;
  }
}
