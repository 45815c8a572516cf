// What a hand moves: <rx-fader>, <rx-knob>, <rx-pad>. All are keyboard and touch, all are sliders to assistive
// technology. `input` while it moves and `change` when it is let go (detail.value); `.held` while a hand is on it;
// `.show(value)` is what the network tells, and is ignored meanwhile.

const KEYS = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 10, PageDown: -10 };
const KEY_HOLD_MS = 600;
const TRAVEL_PX = 180;
/** After a hand has let go, what is told is still of before for as long as that. */
const SETTLE_MS = 600;

/** How a value lies along the way: straight, or as ears hear decibels ("level": -60 is off, 0 at .8). */
const SCALES = {
  straight: {
    to: (value, low, high) => (value - low) / (high - low),
    from: (at, low, high) => low + at * (high - low),
  },
  level: {
    to: (db) => (db > 0 ? 0.8 + db / 30 : db > -24 ? 0.8 + db / 34.2857 : Math.max(0, 0.1 * (1 + (db + 24) / 36))),
    from: (at) => (at > 0.8 ? (at - 0.8) * 30 : at > 0.1 ? (at - 0.8) * 34.2857 : at > 0.02 ? (at / 0.1 - 1) * 36 - 24 : -60),
  },
};

/** @param {string|null} scale @returns {{to: function(number, number, number): number, from: function(number, number, number): number}} */
export const lawOf = (scale) => SCALES[scale] || SCALES.straight;

const within = (value, low, high) => Math.min(Math.max(value, low), high);

/** Something with one value. Attributes: label, min, max, value, step, unit, rest (double click, Delete), scale. */
class Slider extends HTMLElement {
  static observedAttributes = ["label", "min", "max", "disabled", "rest"];

  constructor() {
    super();
    this.held = false;
    this.touchedMs = -Infinity;
    this.now = 0;
    /** Writes a value for a person. @type {function(number): string} */
    this.format = (value) => `${round(value, this.step)}${this.unit ? ` ${this.unit}` : ""}`;
  }

  connectedCallback() {
    if (!this.isBuilt) {
      this.isBuilt = true;
      this.now = this.number("value", this.number("rest", this.low));
      this.build();
      this.listenToHands();
    }
    this.tabIndex = this.disabled ? -1 : 0;
    this.setAttribute("role", "slider");
    this.draw();
  }

  attributeChangedCallback() { if (this.isBuilt) this.draw(); }

  number(name, otherwise) {
    const given = parseFloat(this.getAttribute(name));
    return Number.isFinite(given) ? given : otherwise;
  }

  get low() { return this.number("min", 0); }
  get high() { return this.number("max", 1); }
  get step() { return this.number("step", 0.01); }
  get unit() { return this.getAttribute("unit") || ""; }
  get disabled() { return this.hasAttribute("disabled"); }
  get law() { return lawOf(this.getAttribute("scale")); }
  get value() { return this.now; }
  set value(value) { this.put(value); }

  /** What the network tells; a hand that is on it knows better. @param {number} value */
  show(value) {
    if (!this.held && performance.now() - this.touchedMs > SETTLE_MS) this.put(value);
  }

  /** What the mix has now, where that is another thing than what is wished; null for nothing. */
  ghost(value) {
    const isShown = value !== null && Math.abs(value - this.now) > this.step;
    this.classList.toggle("ghostly", isShown);
    if (isShown) this.style.setProperty("--ghost", String(within(this.law.to(value, this.low, this.high), 0, 1)));
  }

  put(value) {
    const next = within(value, this.low, this.high);
    if (next === this.now && this.isDrawn) return;
    this.now = next;
    this.draw();
  }

  /** Move it as a hand does. */
  move(value, name = "input") {
    const next = within(round(value, this.step), this.low, this.high);
    if (name === "input" && next === this.now) return;
    this.touchedMs = performance.now();
    this.put(next);
    this.dispatchEvent(new CustomEvent(name, { detail: { value: next, atMs: performance.now() }, bubbles: true }));
  }

  draw() {
    if (!this.isBuilt) return;
    this.isDrawn = true;
    const at = (value) => String(within(this.law.to(value, this.low, this.high), 0, 1));
    this.style.setProperty("--at", at(this.now));
    this.style.setProperty("--rest", at(this.number("rest", this.low)));
    const words = this.format(this.now);
    this.setAttribute("aria-label", this.getAttribute("label") || "");
    this.setAttribute("aria-valuemin", this.low);
    this.setAttribute("aria-valuemax", this.high);
    this.setAttribute("aria-valuenow", round(this.now, this.step));
    this.setAttribute("aria-valuetext", words);
    if (this.disabled) this.setAttribute("aria-disabled", "true");
    else this.removeAttribute("aria-disabled");
    this.name.textContent = this.getAttribute("label") || "";
    this.told.textContent = words;
  }

  listenToHands() {
    this.addEventListener("pointerdown", (event) => this.grab(event));
    this.addEventListener("pointermove", (event) => { if (this.hand === event.pointerId) this.drag(event); });
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
      this.addEventListener(end, (event) => { if (this.hand === event.pointerId) this.letGo(); });
    }
    this.addEventListener("dblclick", () => this.reset());
    this.addEventListener("keydown", (event) => this.press(event));
    this.addEventListener("wheel", (event) => {
      if (document.activeElement !== this || this.disabled) return;
      event.preventDefault();
      this.nudge(event.deltaY < 0 ? 1 : -1);
    }, { passive: false });
  }

  grab(event) {
    if (this.disabled || event.button > 0) return;
    this.hand = event.pointerId;
    this.held = true;
    this.classList.add("held");
    try { this.setPointerCapture(event.pointerId); } catch { /* the finger is gone already */ }
    this.focus({ preventScroll: true });
    this.from = { x: event.clientX, y: event.clientY, at: this.law.to(this.now, this.low, this.high) };
    this.drag(event, true);
  }

  letGo() {
    this.hand = undefined;
    this.classList.remove("held");
    this.held = false;
    this.move(this.now, "change");
  }

  reset() {
    if (this.disabled || !this.hasAttribute("rest")) return;
    this.nudgeTo(this.number("rest", 0));
  }

  press(event) {
    if (this.disabled) return;
    if (event.key in KEYS) this.nudge(KEYS[event.key]);
    else if (event.key === "Home") this.nudgeTo(this.low);
    else if (event.key === "End") this.nudgeTo(this.high);
    else if (event.key === "Delete" || event.key === "Backspace") this.reset();
    else return;
    event.preventDefault();
  }

  nudge(steps) {
    const at = this.law.to(this.now, this.low, this.high) + steps * 0.02;
    const wanted = this.law.from(within(at, 0, 1), this.low, this.high);
    const least = this.now + Math.sign(steps) * this.step;
    this.nudgeTo(steps > 0 ? Math.max(wanted, least) : Math.min(wanted, least));
  }

  /** A key holds it for a moment, so that an answer under way does not pull it back. */
  nudgeTo(value) {
    this.held = true;
    this.move(value);
    clearTimeout(this.holding);
    this.holding = setTimeout(() => {
      if (this.hand !== undefined) return;
      this.held = false;
      this.move(this.now, "change");
    }, KEY_HOLD_MS);
  }
}

/** The number of a step, written without the noise of binary fractions. */
function round(value, step) {
  const digits = Math.max(0, Math.min(4, Math.ceil(-Math.log10(step))));
  return Number((Math.round(value / step) * step).toFixed(digits));
}

function part(tag, name, ...children) {
  const element = document.createElement(tag);
  element.className = name;
  element.append(...children);
  return element;
}

/** A fader, along the way that attribute `orient` says: "horizontal", or "vertical". */
class Fader extends Slider {
  build() {
    this.name = part("span", "rx-name");
    this.told = part("span", "rx-told");
    this.track = part("span", "rx-track", part("span", "rx-fill"), part("span", "rx-tick"), part("span", "rx-ghost"), part("span", "rx-thumb"));
    this.append(part("span", "rx-head", this.name, this.told), this.track);
    if (this.isUpright) this.setAttribute("aria-orientation", "vertical");
  }

  get isUpright() { return this.getAttribute("orient") === "vertical"; }

  drag(event) {
    const box = this.track.getBoundingClientRect();
    const at = this.isUpright ? (box.bottom - event.clientY) / box.height : (event.clientX - box.left) / box.width;
    this.move(this.law.from(within(at, 0, 1), this.low, this.high));
  }
}

/** A knob: dragged up and to the right it goes up. */
class Knob extends Slider {
  build() {
    this.name = part("span", "rx-name");
    this.told = part("span", "rx-told");
    this.append(part("span", "rx-dial", part("span", "rx-hand")), this.name, this.told);
  }

  drag(event, isFirst = false) {
    if (isFirst) return;
    const way = this.from.y - event.clientY + (event.clientX - this.from.x);
    const fine = event.shiftKey ? 0.2 : 1;
    const at = within(this.from.at + (way / TRAVEL_PX) * fine, 0, 1);
    this.move(this.law.from(at, this.low, this.high));
  }
}

/**
 * Two values on a plane. `.axes = {x, y}`, each {label, low, high, value, step, scale, format, rest}. Events carry
 * detail {x, y}. Arrows move both ways; Delete goes to rest.
 */
class Pad extends HTMLElement {
  constructor() {
    super();
    this.held = false;
    this.ways = { x: blank(), y: blank() };
  }

  connectedCallback() {
    if (!this.dot) {
      this.dot = part("span", "rx-dot");
      this.across = part("span", "rx-axis rx-x");
      this.up = part("span", "rx-axis rx-y");
      this.append(part("span", "rx-cross"), this.dot, this.across, this.up);
      this.listenToHands();
    }
    this.tabIndex = 0;
    this.setAttribute("role", "slider");
    this.draw();
  }

  set axes(ways) {
    this.ways = { x: { ...blank(), ...ways.x }, y: { ...blank(), ...ways.y } };
    this.draw();
  }

  get value() { return { x: this.ways.x.value, y: this.ways.y.value }; }

  /** What the network tells of one or both. @param {{x?: number, y?: number}} values */
  show(values) {
    if (this.held || performance.now() - (this.touchedMs ?? -Infinity) < SETTLE_MS) return;
    for (const way of ["x", "y"]) if (values[way] !== undefined) this.ways[way].value = values[way];
    this.draw();
  }

  draw() {
    if (!this.dot) return;
    const { x, y } = this.ways;
    this.style.setProperty("--x", String(placeOf(x)));
    this.style.setProperty("--y", String(placeOf(y)));
    this.across.textContent = x.label;
    this.up.textContent = y.label;
    this.setAttribute("aria-label", `${this.getAttribute("label") || ""} ${x.label} × ${y.label}`.trim());
    this.setAttribute("aria-valuemin", x.low);
    this.setAttribute("aria-valuemax", x.high);
    this.setAttribute("aria-valuenow", round(x.value, x.step));
    this.setAttribute("aria-valuetext", `${x.label} ${x.format(x.value)}, ${y.label} ${y.format(y.value)}`);
  }

  move(x, y, name = "input") {
    const next = (way, at) => {
      const law = lawOf(way.scale);
      return within(round(law.from(within(at, 0, 1), way.low, way.high), way.step), way.low, way.high);
    };
    const before = this.value;
    this.touchedMs = performance.now();
    this.ways.x.value = next(this.ways.x, x);
    this.ways.y.value = next(this.ways.y, y);
    this.draw();
    if (name === "input" && before.x === this.value.x && before.y === this.value.y) return;
    this.dispatchEvent(new CustomEvent(name, { detail: { ...this.value, atMs: performance.now() }, bubbles: true }));
  }

  listenToHands() {
    const drag = (event) => {
      const box = this.getBoundingClientRect();
      this.move((event.clientX - box.left) / box.width, (box.bottom - event.clientY) / box.height);
    };
    this.addEventListener("pointerdown", (event) => {
      if (event.button > 0) return;
      this.hand = event.pointerId;
      this.held = true;
      try { this.setPointerCapture(event.pointerId); } catch { /* the finger is gone already */ }
      this.focus({ preventScroll: true });
      drag(event);
    });
    this.addEventListener("pointermove", (event) => { if (this.hand === event.pointerId) drag(event); });
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
      this.addEventListener(end, (event) => {
        if (this.hand !== event.pointerId) return;
        this.hand = undefined;
        this.held = false;
        this.move(placeOf(this.ways.x), placeOf(this.ways.y), "change");
      });
    }
    this.addEventListener("dblclick", () => this.reset());
    this.addEventListener("keydown", (event) => this.press(event));
  }

  press(event) {
    const by = event.shiftKey ? 0.1 : 0.03;
    const ways = { ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowUp: [0, by], ArrowDown: [0, -by] };
    if (event.key === "Delete" || event.key === "Backspace") this.reset();
    else if (event.key in ways) {
      const [x, y] = ways[event.key];
      this.hold();
      this.move(placeOf(this.ways.x) + x, placeOf(this.ways.y) + y);
    } else return;
    event.preventDefault();
  }

  hold() {
    this.held = true;
    clearTimeout(this.holding);
    this.holding = setTimeout(() => { if (this.hand === undefined) this.held = false; }, KEY_HOLD_MS);
  }

  reset() {
    this.hold();
    const at = (way) => lawOf(way.scale).to(way.rest, way.low, way.high);
    this.move(at(this.ways.x), at(this.ways.y));
  }
}

const blank = () => ({ label: "", low: 0, high: 1, value: 0, rest: 0, step: 0.01, scale: "straight", format: String });
const placeOf = (way) => within(lawOf(way.scale).to(way.value, way.low, way.high), 0, 1);

customElements.define("rx-fader", Fader);
customElements.define("rx-knob", Knob);
customElements.define("rx-pad", Pad);
