// A page without a browser: runs the scripts of a skill's HTML file, calls its function and prints what it returned.
// It gets one JSON object on standard input (page.py writes it) and prints one line of JSON on standard output. Of the
// document there is as much as scripts use that compute something and return it: elements, texts, attributes, a canvas
// that records what is drawn (canvas.py paints it), and storage that Deskhand keeps between calls.
"use strict";

const input = JSON.parse(await new Response(Deno.stdin.readable).text());
const print = (() => {
  const bytes = new TextEncoder();
  const out = Deno.stdout;
  return (value) => out.writeSync(bytes.encode(JSON.stringify(value) + "\n"));
})();
for (const name of ["log", "info", "debug", "warn", "error"]) {
  const written = Deno.stderr;
  console[name] = (...said) => written.writeSync(new TextEncoder().encode(said.map(String).join(" ") + "\n"));
}
delete globalThis.Deno;

class Style {
  setProperty(name, value) { this[name] = value; }
  getPropertyValue(name) { return this[name] ?? ""; }
  removeProperty(name) { delete this[name]; }
}

class Events {
  #listeners = {};
  addEventListener(kind, listener) { (this.#listeners[kind] ??= []).push(listener); }
  removeEventListener(kind, listener) {
    this.#listeners[kind] = (this.#listeners[kind] ?? []).filter((other) => other !== listener);
  }
  dispatchEvent(event) {
    for (const listener of this.#listeners[event.type] ?? []) {
      typeof listener === "function" ? listener.call(this, event) : listener.handleEvent(event);
    }
    return true;
  }
}

class Node_ extends Events {
  constructor(tag) {
    super();
    this.tagName = this.nodeName = tag.toUpperCase();
    this.childNodes = [];
    this.attributes = {};
    this.style = new Style();
    this.dataset = {};
    this.parentNode = null;
    this.value = "";
    this.text_ = "";
    const node = this;
    this.classList = {
      names: new Set(),
      add(...names) { names.forEach((name) => this.names.add(name)); },
      remove(...names) { names.forEach((name) => this.names.delete(name)); },
      contains(name) { return this.names.has(name); },
      toggle(name) { this.names.has(name) ? this.names.delete(name) : this.names.add(name); return this.names.has(name); },
    };
    this.ownerDocument = globalThis.document ?? node;
  }
  get children() { return this.childNodes.filter((node) => node.tagName !== "#TEXT"); }
  get firstChild() { return this.childNodes[0] ?? null; }
  get lastChild() { return this.childNodes.at(-1) ?? null; }
  get id() { return this.attributes.id ?? ""; }
  set id(value) { this.attributes.id = String(value); }
  get className() { return [...this.classList.names].join(" "); }
  set className(value) { this.classList.names = new Set(String(value).split(/\s+/).filter(Boolean)); }
  get textContent() { return this.text_ + this.childNodes.map((node) => node.textContent).join(""); }
  set textContent(value) { this.childNodes = []; this.text_ = String(value ?? ""); }
  get innerText() { return this.textContent; }
  set innerText(value) { this.textContent = value; }
  get innerHTML() { return this.html_ ?? this.textContent; }
  set innerHTML(value) { this.html_ = String(value); this.textContent = this.html_.replace(/<[^>]*>/g, ""); }
  insertAdjacentHTML(_where, html) { this.innerHTML = this.innerHTML + html; }
  setAttribute(name, value) { this.attributes[name] = String(value); if (name === "class") this.className = value; }
  getAttribute(name) { return this.attributes[name] ?? null; }
  hasAttribute(name) { return name in this.attributes; }
  removeAttribute(name) { delete this.attributes[name]; }
  appendChild(node) { node.remove?.(); node.parentNode = this; this.childNodes.push(node); return node; }
  append(...nodes) { for (const node of nodes) this.appendChild(typeof node === "string" ? document.createTextNode(node) : node); }
  prepend(...nodes) { this.append(...nodes); }
  insertBefore(node, _before) { return this.appendChild(node); }
  replaceChildren(...nodes) { this.childNodes = []; this.text_ = ""; this.append(...nodes); }
  removeChild(node) { this.childNodes = this.childNodes.filter((other) => other !== node); node.parentNode = null; return node; }
  remove() { this.parentNode?.removeChild(this); }
  cloneNode() { return Object.assign(new this.constructor(this.tagName), { attributes: { ...this.attributes } }); }
  *descend() { for (const node of this.childNodes) { yield node; yield* node.descend(); } }
  matches(selector) {
    return selector.split(",").some((one) => {
      const last = one.trim().split(/[\s>+~]+/).at(-1);
      const [, tag, rest] = /^([\w-]*|\*)(.*)$/.exec(last) ?? [];
      if (tag && tag !== "*" && tag.toUpperCase() !== this.tagName) return false;
      return (rest.match(/[.#][\w-]+/g) ?? []).every((part) =>
        part[0] === "#" ? this.id === part.slice(1) : this.classList.contains(part.slice(1)));
    });
  }
  querySelectorAll(selector) { return [...this.descend()].filter((node) => node.matches(selector)); }
  querySelector(selector) { return this.querySelectorAll(selector)[0] ?? null; }
  getElementsByTagName(tag) { return this.querySelectorAll(tag); }
  getElementsByClassName(name) { return this.querySelectorAll(`.${name}`); }
  getBoundingClientRect() { return { x: 0, y: 0, left: 0, top: 0, width: 0, height: 0, right: 0, bottom: 0 }; }
  focus() {}
  blur() {}
  click() { this.dispatchEvent({ type: "click", target: this, preventDefault() {}, stopPropagation() {} }); }
}

class Context2D {
  constructor(canvas) {
    Object.assign(this, {
      canvas, fillStyle: "#000000", strokeStyle: "#000000", lineWidth: 1, font: "10px sans-serif", textAlign: "start",
      textBaseline: "alphabetic", globalAlpha: 1, lineCap: "butt", lineJoin: "miter",
    });
    this.operations = [];
    this.path = [];
    this.matrix = [1, 0, 0, 1, 0, 0];
    this.kept = [];
  }
  #point(x, y) {
    const [a, b, c, d, e, f] = this.matrix;
    return [a * x + c * y + e, b * x + d * y + f];
  }
  #record(operation) {
    if (this.operations.length >= 20_000) throw new Error("too much is drawn");
    this.operations.push({ alpha: this.globalAlpha, ...operation });
  }
  #colour(style) { return typeof style === "string" ? style : style?.stops?.[0]?.[1] ?? "#808080"; }
  #scale() { return Math.sqrt(Math.abs(this.matrix[0] * this.matrix[3] - this.matrix[1] * this.matrix[2])); }
  #box(x, y, width, height) {
    return [[x, y], [x + width, y], [x + width, y + height], [x, y + height]].map(([h, v]) => this.#point(h, v));
  }
  save() { this.kept.push({ ...this, matrix: [...this.matrix], operations: undefined, path: undefined, kept: undefined }); }
  restore() {
    const { operations, path, kept, canvas, ...state } = this.kept.pop() ?? {};
    Object.assign(this, state);
  }
  transform(a, b, c, d, e, f) {
    const [p, q, r, s, t, u] = this.matrix;
    this.matrix = [p * a + r * b, q * a + s * b, p * c + r * d, q * c + s * d, p * e + r * f + t, q * e + s * f + u];
  }
  setTransform(...matrix) { this.matrix = matrix.length === 6 ? matrix : [1, 0, 0, 1, 0, 0]; }
  resetTransform() { this.setTransform(); }
  translate(x, y) { this.transform(1, 0, 0, 1, x, y); }
  scale(x, y) { this.transform(x, 0, 0, y, 0, 0); }
  rotate(by) { this.transform(Math.cos(by), Math.sin(by), -Math.sin(by), Math.cos(by), 0, 0); }
  beginPath() { this.path = []; }
  moveTo(x, y) { this.path.push([this.#point(x, y)]); }
  lineTo(x, y) { this.path.length ? this.path.at(-1).push(this.#point(x, y)) : this.moveTo(x, y); }
  closePath() { const last = this.path.at(-1); if (last?.length) last.push(last[0]); }
  rect(x, y, width, height) { const box = this.#box(x, y, width, height); this.path.push([...box, box[0]]); }
  roundRect(x, y, width, height) { this.rect(x, y, width, height); }
  arc(x, y, radius, from, to, back = false) { this.ellipse(x, y, radius, radius, 0, from, to, back); }
  ellipse(x, y, across, down, turn, from, to, back = false) {
    let sweep = to - from;
    if (back && sweep > 0) sweep -= 2 * Math.PI;
    if (!back && sweep < 0) sweep += 2 * Math.PI;
    for (let step = 0; step <= 48; step++) {
      const angle = from + (sweep * step) / 48;
      const [h, v] = [across * Math.cos(angle), down * Math.sin(angle)];
      this.lineTo(x + h * Math.cos(turn) - v * Math.sin(turn), y + h * Math.sin(turn) + v * Math.cos(turn));
    }
  }
  quadraticCurveTo(cx, cy, x, y) { this.lineTo(cx, cy); this.lineTo(x, y); }
  bezierCurveTo(ax, ay, bx, by, x, y) { this.lineTo(ax, ay); this.lineTo(bx, by); this.lineTo(x, y); }
  arcTo(ax, ay, bx, by) { this.lineTo(ax, ay); this.lineTo(bx, by); }
  fill() { for (const points of this.path) this.#record({ kind: "fill", points, colour: this.#colour(this.fillStyle) }); }
  stroke() {
    const width = this.lineWidth * this.#scale();
    for (const points of this.path) this.#record({ kind: "line", points, width, colour: this.#colour(this.strokeStyle) });
  }
  fillRect(x, y, width, height) {
    this.#record({ kind: "fill", points: this.#box(x, y, width, height), colour: this.#colour(this.fillStyle) });
  }
  clearRect(x, y, width, height) { this.#record({ kind: "clear", points: this.#box(x, y, width, height) }); }
  strokeRect(x, y, width, height) {
    const box = this.#box(x, y, width, height);
    const line = this.lineWidth * this.#scale();
    this.#record({ kind: "line", points: [...box, box[0]], width: line, colour: this.#colour(this.strokeStyle) });
  }
  #size() { return (parseFloat(/([\d.]+)px/.exec(this.font)?.[1]) || 10) * this.#scale(); }
  fillText(text, x, y) {
    const [left, top] = this.#point(x, y);
    this.#record({
      kind: "text", text: String(text).slice(0, 2000), left, top, size: this.#size(), align: this.textAlign,
      baseline: this.textBaseline, colour: this.#colour(this.fillStyle),
    });
  }
  strokeText(text, x, y) { this.fillText(text, x, y); }
  measureText(text) { return { width: String(text).length * this.#size() * 0.55 }; }
  createLinearGradient() { const stops = []; return { stops, addColorStop(at, colour) { stops.push([at, colour]); } }; }
  createRadialGradient() { return this.createLinearGradient(); }
  setLineDash() {}
  clip() {}
  drawImage() {}
}

class Canvas extends Node_ {
  constructor() { super("canvas"); this.width = 300; this.height = 150; }
  getContext(kind) { return kind === "2d" ? (this.context_ ??= new Context2D(this)) : null; }
  toDataURL() {
    const drawn = { width: this.width, height: this.height, operations: this.context_?.operations ?? [] };
    const bytes = new TextEncoder().encode(JSON.stringify(drawn));
    let text = "";
    for (let start = 0; start < bytes.length; start += 8192) text += String.fromCharCode(...bytes.subarray(start, start + 8192));
    return `data:application/x-deskhand-canvas;base64,${btoa(text)}`;
  }
}

const make = (tag) => (String(tag).toLowerCase() === "canvas" ? new Canvas() : new Node_(String(tag)));
const storage = (entries, most) => {
  const held = new Map(Object.entries(entries));
  return {
    held,
    getItem: (key) => held.get(String(key)) ?? null,
    setItem(key, value) {
      held.set(String(key), String(value));
      if (JSON.stringify([...held]).length > most) { held.delete(String(key)); throw new Error("the storage is full"); }
    },
    removeItem: (key) => void held.delete(String(key)),
    clear: () => held.clear(),
    key: (index) => [...held.keys()][index] ?? null,
    get length() { return held.size; },
  };
};
const local = storage(input.storage, input.most_storage);

const document = new Node_("#document");
globalThis.document = document;
document.documentElement = document.appendChild(make("html"));
document.head = document.documentElement.appendChild(make("head"));
document.body = document.documentElement.appendChild(make("body"));
Object.assign(document, {
  readyState: "complete", cookie: "", title: "", currentScript: null,
  createElement: make, createElementNS: (_space, tag) => make(tag),
  createTextNode: (text) => Object.assign(new Node_("#text"), { text_: String(text) }),
  createDocumentFragment: () => make("div"),
  getElementById: (id) => document.querySelectorAll(`#${id}`)[0] ?? null,
});
for (const { tag, attributes, text } of input.elements) {
  const node = make(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.value = attributes.value ?? "";
  node.text_ = text;
  document.body.appendChild(node);
}

const refused = () => Promise.reject(new TypeError("There is no network here."));
const define = (name, value) => Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
const events = new Events();
define("window", globalThis);
define("self", globalThis);
define("localStorage", local);
define("sessionStorage", storage({}, input.most_storage));
define("fetch", refused);
define("WebSocket", undefined);
define("Worker", undefined);
define("XMLHttpRequest", class { open() {} send() { throw new TypeError("There is no network here."); } });
define("alert", () => undefined);
define("confirm", () => false);
define("prompt", () => null);
define("requestAnimationFrame", (then) => setTimeout(() => then(performance.now()), 0));
define("cancelAnimationFrame", clearTimeout);
define("getComputedStyle", (node) => node.style);
define("matchMedia", () => ({ matches: false, addEventListener() {} }));
define("HTMLElement", Node_);
define("Element", Node_);
define("HTMLCanvasElement", Canvas);
define("Image", class extends Node_ { constructor() { super("img"); } });
define("location", { href: "about:blank", search: "", hash: "", origin: "null", pathname: "blank" });
define("navigator", { language: input.language, languages: [input.language], userAgent: "Deskhand", onLine: false });
define("addEventListener", (kind, listener) => events.addEventListener(kind, listener));
define("removeEventListener", (kind, listener) => events.removeEventListener(kind, listener));
define("dispatchEvent", (event) => events.dispatchEvent(event));

try {
  // One text, evaluated outside of this one: as in a page, the scripts share their names, those of const and let too.
  (0, eval)(input.scripts.map(({ name, text }) => `${text}\n;// ${name}`).join("\n"));
  // Modules come after all scripts, each once; an address of memory stands for that of a file of the skill.
  const addresses = [];
  for (const pieces of input.modules) {
    const text = pieces.map((piece) => (typeof piece === "number" ? JSON.stringify(addresses[piece]) : piece)).join("");
    addresses.push(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
  }
  for (const entry of input.entries) await import(addresses[entry]);
  for (const target of [document, events]) {
    for (const type of ["DOMContentLoaded", "load"]) target.dispatchEvent({ type, target });
  }
  globalThis.onload?.({ type: "load" });
  const run = globalThis.ai_edge_gallery_get_result;
  if (typeof run !== "function") throw new Error("it does not define ai_edge_gallery_get_result");
  const returned = await run(input.data, input.secret);
  print({ returned: typeof returned === "string" ? returned : JSON.stringify(returned ?? null), storage: Object.fromEntries(local.held) });
} catch (error) {
  print({ failed: String(error?.message ?? error).slice(0, 1000), storage: Object.fromEntries(local.held) });
}
