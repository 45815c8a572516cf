// What every page shares: elements, words, events, the one connection.

import { newId, Remixd } from "../remixd.js";
import { WORDS } from "../words.js";

const LANGUAGES = ["en", "ko"];
const LANGUAGE_KEY = "remixd-language";
const TOKEN_KEY = "remixd-token";
const FAN_KEY = "remixd-fan";

/** Events between parts of a page: `bus.on(name, act)`, `bus.emit(name, detail)`. */
export const bus = {
  target: new EventTarget(),
  /** @param {string} name @param {function(any): void} act @returns {function(): void} that stops it */
  on(name, act) {
    const take = (event) => act(event.detail);
    this.target.addEventListener(name, take);
    return () => this.target.removeEventListener(name, take);
  },
  emit(name, detail) { this.target.dispatchEvent(new CustomEvent(name, { detail })); },
};

let spoken = kept("local", LANGUAGE_KEY) || (navigator.language || "en").slice(0, 2);
if (!LANGUAGES.includes(spoken)) spoken = "en";
document.documentElement.lang = spoken;

/** What a storage, "local" or "session", holds; "" where there is none, or it is not to be had. */
export function kept(storage, key) {
  try { return globalThis[`${storage}Storage`].getItem(key) || ""; } catch { return ""; }
}

/** Keep something in a storage, where that is allowed; "" forgets it. */
export function keep(storage, key, value) {
  try {
    const place = globalThis[`${storage}Storage`];
    if (value) place.setItem(key, value);
    else place.removeItem(key);
  } catch { /* a private window keeps nothing, and the page works without */ }
}

/** The language of the page: "en" or "ko". @returns {string} */
export const language = () => spoken;

/** Speak another language, everywhere and at once. @param {string} wanted */
export function speak(wanted) {
  spoken = LANGUAGES.includes(wanted) ? wanted : "en";
  keep("local", LANGUAGE_KEY, spoken);
  document.documentElement.lang = spoken;
  translate(document);
  bus.emit("language", spoken);
}

/** A sentence of the table, its {names} filled in. @param {string} key @param {Object} values @returns {string} */
export function t(key, values = {}) {
  const row = WORDS[key];
  const text = row ? row[LANGUAGES.indexOf(spoken)] : key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** Whether the table has a word. @param {string} key @returns {boolean} */
export const knows = (key) => key in WORDS;

/** Say what stands under a root again, in the language of now. */
function translate(root) {
  for (const each of root.querySelectorAll("[data-t]")) each.textContent = t(each.dataset.t, valuesOf(each));
  for (const each of root.querySelectorAll("[data-t-label]")) {
    each.setAttribute("aria-label", t(each.dataset.tLabel, valuesOf(each)));
  }
  for (const each of root.querySelectorAll("[data-t-hint]")) {
    each.setAttribute("placeholder", t(each.dataset.tHint, valuesOf(each)));
  }
}

const valuesOf = (element) => (element.dataset.tValues ? JSON.parse(element.dataset.tValues) : {});

/**
 * Make an element. Of its attributes, `t`, `tLabel` and `tHint` are words (text, name, placeholder) that follow
 * the language, with `tValues`; `on...` are listeners; true and false add and leave out. Children are nodes or text.
 * @param {string} tag @param {Object} attributes @param {...(Node|string|Array)} children @returns {HTMLElement}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "t" || name === "tLabel" || name === "tHint") element.dataset[name] = value;
    else if (name === "tValues") element.dataset.tValues = JSON.stringify(value);
    else if (name.startsWith("on") && typeof value === "function") element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  if (attributes.t) element.textContent = t(attributes.t, attributes.tValues);
  if (attributes.tLabel) element.setAttribute("aria-label", t(attributes.tLabel, attributes.tValues));
  if (attributes.tHint) element.setAttribute("placeholder", t(attributes.tHint, attributes.tValues));
  return element;
}

/** Change what an element says. @param {HTMLElement} element @param {string} key @param {Object} values */
export function say(element, key, values = {}) {
  element.dataset.t = key;
  element.dataset.tValues = JSON.stringify(values);
  element.textContent = t(key, values);
}

/** What went wrong, and what to do. @param {Error} error @returns {string} */
export function wordsOf(error) {
  const key = `error.${error?.code || error?.name || ""}`;
  const told = error?.message || String(error);
  return knows(key) ? t(key, { told }) : told;
}

/** Tell something for some seconds, also to who does not see it. @param {string} text @param {boolean} isError */
export function tell(text, isError = false) {
  let place = document.getElementById("told");
  if (!place) {
    place = h("div", { id: "told", role: "status", "aria-live": "polite" });
    document.body.append(place);
  }
  const note = h("p", { class: isError ? "note wrong" : "note" }, text);
  place.append(note);
  while (place.children.length > 3) place.firstChild.remove();
  setTimeout(() => note.remove(), isError ? 9000 : 4500);
}

/** Tell what went wrong. @param {Error} error */
export const tellError = (error) => tell(wordsOf(error), true);

/** The token that came behind the # of the address, which is taken away from there, or was kept. */
function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    keep("session", TOKEN_KEY, given);
    history.replaceState(null, "", location.pathname + location.search);
  }
  return given || kept("session", TOKEN_KEY);
}

export const token = takeToken();
/** Where the daemon is. */
export const origin = `${location.origin}/`;
/** How the connection is: "connecting", "open" or "waiting". */
export const connection = { state: "connecting" };
/** The one connection of the page. */
export const remixd = new Remixd(origin, {
  token,
  onState: (state) => {
    connection.state = state;
    bus.emit("connection", state);
  },
});

/** Once the connection is open. @returns {Promise<void>} */
export function connected() {
  if (connection.state === "open") return Promise.resolve();
  return new Promise((resolve) => {
    const stop = bus.on("connection", (state) => {
      if (state !== "open") return;
      stop();
      resolve();
    });
  });
}

/** Whether the eye is to be left in peace. @returns {boolean} */
export const isCalm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** A colour of the style sheet, such as "--drums". @param {string} name @returns {string} */
export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Minutes and seconds. @param {number} s @returns {string} */
export function clockOf(s) {
  const whole = Math.max(0, Math.floor(s || 0));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** Which page this is, until it is loaded again. */
const pageId = newId();

/** Tell the daemon that this page stays with a session, or leaves it: the last that leaves ends it. */
export function hold(session, stays) {
  const headers = { "content-type": "application/json" };
  if (token) headers.authorization = `Bearer ${token}`;
  const body = JSON.stringify({ session, page: pageId });
  return fetch(new URL(stays ? "/v1/stay" : "/v1/leave", origin), { method: "POST", keepalive: true, headers, body });
}

/** Who this browser is to the daemon, as long as the tab lives: nobody's name, only a number. @returns {string} */
export function fanId() {
  let fan = kept("session", FAN_KEY);
  if (!fan) {
    fan = `page-${newId()}`;
    keep("session", FAN_KEY, fan);
  }
  return fan;
}
