// The frame of a page: its head with the way to the others, and the place of what it shows.

import { h, language, speak } from "./base.js";
import "./connection.js";

const PAGES = { listen: "/", dj: "/dj", bench: "/bench" };

/** Build the frame. @param {string} here the page, of PAGES @param {...Node} content @returns {HTMLElement} its main */
export function frame(here, ...content) {
  const links = Object.entries(PAGES).map(([name, href]) =>
    h("a", { href, t: name, "aria-current": name === here ? "page" : null }));
  const main = h("main", { id: "content", tabindex: "-1" }, content);
  document.body.append(
    h("a", { class: "skip-link", href: "#content", t: "skip-to-content" }),
    h("header", { class: "top" },
      h("a", { class: "mark", href: "/", "aria-label": "remixd" },
        h("span", { class: "bars", "aria-hidden": "true" }, ["drums", "bass", "vocals", "other"].map(
          (role) => h("i", { class: `of-${role}` }))), "remixd"),
      h("nav", { tLabel: "pages" }, links),
      h("rx-connection", {}),
      h("button", { class: "plain", type: "button", t: "other-language",
        onclick: () => speak(language() === "en" ? "ko" : "en") })),
    main);
  return main;
}
