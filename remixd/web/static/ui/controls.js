// Every control of the console by its name: one list for hands, keys, MIDI and the sheet of keys.

import { h, t } from "./base.js";

/**
 * @typedef {{id: string, words: function(): string, kind: "range"|"button", key?: string,
 *   move?: function(number): void, press?: function(): void, element?: HTMLElement}} Control
 */
/** @type {Map<string, Control>} */
export const controls = new Map();

/**
 * A button that is a control. @param {string} id @param {string} word key of the table @param {function(): void} press
 * @param {{key?: string, deck?: string, toggles?: boolean, class?: string, sign?: string}} more `sign` is shown instead
 * of the word, which is its name then
 */
export function button(id, word, press, more = {}) {
  const element = h("button", {
    type: "button", class: `control ${more.class || ""}`, "data-control": id,
    "aria-pressed": more.toggles ? "false" : undefined,
    ...(more.sign ? { tLabel: word, tValues: more.values } : { t: word, tValues: more.values }),
    title: more.sign ? t(word, more.values) : undefined,
    onclick: press,
  }, more.sign || null);
  controls.set(id, { id, kind: "button", press, element, key: more.key, words: () => named(more.deck, word, more.values) });
  return element;
}

/**
 * A fader or knob that is a control. @param {string} id @param {string} word
 * @param {{tag?: string, low: number, high: number, rest?: number, step?: number, unit?: string, scale?: string,
 *   orient?: string, deck?: string, format?: function(number): string, class?: string}} more
 * @param {function(number, function(): boolean): void} act takes a value and whether a hand is on it
 */
export function slider(id, word, more, act) {
  const element = h(more.tag || "rx-knob", {
    min: more.low, max: more.high, rest: more.rest, value: more.rest, step: more.step || 0.01, unit: more.unit,
    scale: more.scale, orient: more.orient, label: t(word), "data-word": word, "data-control": id, class: more.class,
  });
  if (more.format) element.format = more.format;
  element.addEventListener("input", (event) => act(event.detail.value, () => element.held));
  const move = (at) => {
    const value = element.law.from(Math.min(Math.max(at, 0), 1), more.low, more.high);
    element.nudgeTo(value);
  };
  controls.set(id, {
    id, kind: "range", move, element, words: () => named(more.deck, word),
    read: () => element.law.to(element.value, more.low, more.high) });
  return element;
}

const named = (deck, word, values) => (deck ? `${deck} · ${t(word, values)}` : t(word, values));

/** Show whether a button is on. @param {HTMLElement} element @param {boolean} on */
export function light(element, on) {
  const told = String(Boolean(on));
  if (element.getAttribute("aria-pressed") !== told) element.setAttribute("aria-pressed", told);
}
