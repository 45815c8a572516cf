// <rx-connection>: how the line to the daemon is. Quiet while it is well.

import { bus, connection, h, say } from "./base.js";

const PATIENCE_MS = 700;

class Connection extends HTMLElement {
  connectedCallback() {
    this.setAttribute("role", "status");
    this.dot = h("span", { class: "lamp", "aria-hidden": "true" });
    this.word = h("span", { class: "lamp-word" });
    this.append(this.dot, this.word);
    this.stop = bus.on("connection", () => this.soon());
    this.show();
  }

  disconnectedCallback() { this.stop(); }

  /** A line that is back at once is not worth a word. */
  soon() {
    clearTimeout(this.timer);
    if (connection.state === "open") this.show();
    else this.timer = setTimeout(() => this.show(), PATIENCE_MS);
  }

  show() {
    this.dataset.state = connection.state;
    say(this.word, `connection.${connection.state}`);
  }
}

customElements.define("rx-connection", Connection);
